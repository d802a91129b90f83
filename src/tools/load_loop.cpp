#include "load_loop.hpp"

#include "tidelog/client/client_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tidelog::tools {
namespace {

constexpr std::size_t receive_bytes = 64 * 1024;
constexpr std::size_t discard_step = std::size_t{4} << 20;
constexpr std::size_t most_events = 256;
constexpr std::size_t prefix_bytes = sizeof(std::int32_t);

base::result<std::size_t> received(ssize_t outcome) {
  if (outcome > 0) return static_cast<std::size_t>(outcome);
  if (outcome == 0) return base::fail(client::client_errc::connection_closed, "waiting for an answer");
  if (errno == EAGAIN || errno == EINTR) return 0;
  return base::fail_errno(errno, "waiting for an answer");
}

}  // namespace

struct load_loop::peer {
  client::socket socket;
  request_ring requests;
  std::size_t next = 0;  ///< in the ring
  std::deque<request_under_way> under_way;
  std::deque<const prepared_request*> unsent;
  std::size_t sent_of_first = 0;  ///< bytes of unsent.front() that have left
  std::vector<std::byte> buffer;  ///< answers that are looked at
  std::size_t buffered = 0;
  std::array<std::byte, prefix_bytes> prefix{};  ///< answers that are discarded
  std::size_t prefix_read = 0;
  std::uint64_t discard_left = 0;
  time_point next_due;
  bool waits_to_write = false;
  std::size_t index = 0;
};

load_loop::load_loop(const load_settings& settings) : settings_(settings) {}
load_loop::~load_loop() {
  if (epoll_ >= 0) ::close(epoll_);
}

void load_loop::add(client::socket socket, request_ring requests, std::size_t first_request) {
  auto made = std::make_unique<peer>();
  made->socket = std::move(socket);
  made->next = first_request % requests->size();
  made->requests = std::move(requests);
  made->buffer.resize(receive_bytes);
  made->index = peers_.size();
  peers_.push_back(std::move(made));
}

base::status load_loop::run() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return base::fail_errno(errno, "epoll_create1");
  const auto start = std::chrono::steady_clock::now();
  for (auto& at : peers_) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = at->index;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, at->socket.descriptor(), &event) != 0)
      return base::fail_errno(errno, "epoll_ctl");
    // Connections are spread over the interval, so that they do not all send at the same moments.
    at->next_due = start;
    if (settings_.interval)
      at->next_due += *settings_.interval * static_cast<std::int64_t>(at->index) /
                      static_cast<std::int64_t>(peers_.size());
    TIDELOG_DO(start_due(*at, start));
  }
  std::array<epoll_event, most_events> events{};
  for (;;) {
    auto now = std::chrono::steady_clock::now();
    if (now >= settings_.end || stopped_.load(std::memory_order_relaxed)) return {};
    const auto wait = until_next(now);
    const timespec timeout{wait.count() / 1'000'000'000, wait.count() % 1'000'000'000};
    const auto ready =
        ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    if (ready < 0 && errno != EINTR) return base::fail_errno(errno, "epoll_pwait2");
    for (int i = 0; i < ready; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      auto& at = *peers_[event.data.u64];
      if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) TIDELOG_DO(receive(at));
      if ((event.events & EPOLLOUT) != 0) TIDELOG_DO(send_some(at));
    }
    if (settings_.interval) {
      now = std::chrono::steady_clock::now();
      for (auto& at : peers_) TIDELOG_DO(start_due(*at, now));
    }
  }
}

std::chrono::nanoseconds load_loop::until_next(time_point now) const {
  constexpr std::chrono::nanoseconds longest = std::chrono::milliseconds(100);
  std::chrono::nanoseconds wait = std::min<std::chrono::nanoseconds>(longest, settings_.end - now);
  if (settings_.interval) {
    for (const auto& at : peers_)
      if (at->under_way.size() < settings_.depth)
        wait = std::min<std::chrono::nanoseconds>(wait, at->next_due - now);
  }
  return std::max(wait, std::chrono::nanoseconds::zero());
}

bool load_loop::queue_due(peer& at, time_point now) {
  bool queued = false;
  while (at.under_way.size() < settings_.depth && (!settings_.interval || at.next_due <= now)) {
    const auto* const request = &(*at.requests)[at.next];
    at.next = (at.next + 1) % at.requests->size();
    at.under_way.push_back({settings_.interval ? at.next_due : now, request});
    at.unsent.push_back(request);
    if (settings_.interval) at.next_due += *settings_.interval;
    queued = true;
  }
  return queued;
}

base::status load_loop::start_due(peer& at, time_point now) {
  return queue_due(at, now) ? send_some(at) : base::status{};
}

base::status load_loop::send_some(peer& at) {
  constexpr std::size_t most_parts = 64;
  std::array<iovec, most_parts> parts;
  while (!at.unsent.empty()) {
    std::size_t used = 0;
    std::size_t planned = 0;
    auto skip = at.sent_of_first;
    for (const auto* const request : at.unsent) {
      if (used == most_parts) break;
      // writev does not write to what it is given.
      parts[used++] = {const_cast<std::byte*>(request->frame.data()) + skip, request->frame.size() - skip};
      planned += request->frame.size() - skip;
      skip = 0;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = used;
    const auto outcome = ::sendmsg(at.socket.descriptor(), &message, MSG_NOSIGNAL);
    if (outcome < 0 && errno != EAGAIN && errno != EINTR) return base::fail_errno(errno, "sending a request");
    auto left = outcome < 0 ? std::size_t{0} : static_cast<std::size_t>(outcome);
    const bool all_left = left == planned;
    while (left > 0) {
      const auto rest = at.unsent.front()->frame.size() - at.sent_of_first;
      if (left < rest) {
        at.sent_of_first += left;
        break;
      }
      left -= rest;
      at.sent_of_first = 0;
      at.unsent.pop_front();
      if (settings_.answers == answers::none) complete(at, std::chrono::steady_clock::now());
    }
    if (!all_left) break;
  }
  // Without answers it is the room in the socket that lets the next requests go.
  if (settings_.answers == answers::none) queue_due(at, std::chrono::steady_clock::now());
  return want_writable(at, !at.unsent.empty());
}

base::status load_loop::want_writable(peer& at, bool wanted) {
  if (at.waits_to_write == wanted) return {};
  at.waits_to_write = wanted;
  epoll_event event{};
  event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = at.index;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, at.socket.descriptor(), &event) != 0)
    return base::fail_errno(errno, "epoll_ctl");
  return {};
}

void load_loop::complete(peer& at, time_point now) {
  const auto done = at.under_way.front();
  at.under_way.pop_front();
  live_requests_.fetch_add(1, std::memory_order_relaxed);
  live_bytes_.fetch_add(done.request->payload_bytes, std::memory_order_relaxed);
  if (now < settings_.begin || now > settings_.end) return;
  result_.latencies.add(now - done.since);
  result_.requests += 1;
  result_.payload_bytes += done.request->payload_bytes;
}

base::status load_loop::receive(peer& at) {
  return settings_.answers == answers::discarded ? receive_discarded(at) : receive_looked_at(at);
}

base::status load_loop::receive_looked_at(peer& at) {
  const auto outcome =
      ::recv(at.socket.descriptor(), at.buffer.data() + at.buffered, at.buffer.size() - at.buffered, 0);
  TIDELOG_TRY(const auto count, received(outcome));
  at.buffered += count;
  const auto now = std::chrono::steady_clock::now();
  std::size_t begin = 0;
  while (at.buffered - begin >= prefix_bytes) {
    const auto size = base::load_big_endian<std::uint32_t>(at.buffer.data() + begin);
    if (size > at.buffer.size() - prefix_bytes)
      return base::fail(client::client_errc::malformed_answer, "an answer of {} bytes", size);
    if (at.buffered - begin < prefix_bytes + size) break;
    if (at.under_way.empty())
      return base::fail(client::client_errc::malformed_answer, "an answer to no request");
    TIDELOG_DO(settings_.check(base::byte_span(at.buffer).subspan(begin + prefix_bytes, size)));
    complete(at, now);
    begin += prefix_bytes + size;
  }
  at.buffered -= begin;
  if (begin > 0 && at.buffered > 0) std::memmove(at.buffer.data(), at.buffer.data() + begin, at.buffered);
  return start_due(at, now);
}

base::status load_loop::receive_discarded(peer& at) {
  for (;;) {
    if (at.discard_left == 0) {
      const auto outcome = ::recv(at.socket.descriptor(), at.prefix.data() + at.prefix_read,
                                  at.prefix.size() - at.prefix_read, 0);
      TIDELOG_TRY(const auto count, received(outcome));
      if (count == 0) return {};
      at.prefix_read += count;
      if (at.prefix_read < at.prefix.size()) continue;
      at.prefix_read = 0;
      at.discard_left = base::load_big_endian<std::uint32_t>(at.prefix.data());
      if (at.under_way.empty())
        return base::fail(client::client_errc::malformed_answer, "an answer to no request");
      const auto expected = at.under_way.front().request->answer_bytes;
      if (expected != at.discard_left) {
        return base::fail(client::client_errc::malformed_answer,
                          "an answer of {} bytes where the same request was answered with {} before",
                          at.discard_left, expected);
      }
      continue;
    }
    // For TCP, MSG_TRUNC takes bytes off the socket without copying them anywhere.
    const auto step = std::min<std::uint64_t>(at.discard_left, discard_step);
    const auto outcome = ::recv(at.socket.descriptor(), nullptr, step, MSG_TRUNC);
    TIDELOG_TRY(const auto count, received(outcome));
    if (count == 0) return {};
    at.discard_left -= count;
    if (at.discard_left > 0) continue;
    const auto now = std::chrono::steady_clock::now();
    complete(at, now);
    TIDELOG_DO(start_due(at, now));
  }
}

}  // namespace tidelog::tools
