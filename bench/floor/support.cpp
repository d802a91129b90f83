#include "floor.hpp"

#include "tidelog/base/bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidelog::floor_bench {

descriptor& descriptor::operator=(descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}
descriptor::~descriptor() {
  if (number_ >= 0) ::close(number_);
}

void give_up(const char* what) {
  std::fprintf(stderr, "tidelog-floor: %s: %s\n", what, std::strerror(errno));
  std::_Exit(1);
}

long must(long outcome, const char* what) {
  if (outcome < 0) give_up(what);
  return outcome;
}

descriptor unnamed_file(const std::string& directory) {
  return descriptor(static_cast<int>(
      must(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "cannot make a file in --dir")));
}

void add_to_epoll(int epoll, int socket, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  must(::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event), "epoll_ctl");
}

void outgoing::append(const void* bytes, std::size_t count) {
  const auto* from = static_cast<const std::byte*>(bytes);
  bytes_.insert(bytes_.end(), from, from + count);
}

bool outgoing::flush(int socket) {
  while (sent_ < bytes_.size()) {
    const auto sent =
        ::send(socket, bytes_.data() + sent_, bytes_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (sent < 0) break;  // The peer has gone; its end of stream is seen by receive.
    sent_ += static_cast<std::size_t>(sent);
  }
  bytes_.clear();
  sent_ = 0;
  return true;
}

// A frame that is larger than the usual room gets room for exactly itself, so that it never has to be moved.
incoming::incoming(std::size_t frame_bytes) : bytes_(std::max<std::size_t>(frame_bytes, 64 * 1024)) {}

bool incoming::receive(int socket) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ > 0 && end_ == bytes_.size()) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const auto received = ::recv(socket, bytes_.data() + end_, bytes_.size() - end_, MSG_DONTWAIT);
  if (received < 0) return errno == EAGAIN || errno == EINTR;
  end_ += static_cast<std::size_t>(received);
  return received > 0;
}

bool incoming::next(frame& into) {
  if (end_ - begin_ < request_header_bytes) return false;
  const auto* start = bytes_.data() + begin_;
  const auto total = base::load_big_endian<std::uint32_t>(start) + sizeof(std::uint32_t);
  if (total > bytes_.size() || total < request_header_bytes) {
    errno = EPROTO;
    give_up("a frame of the wrong size");
  }
  if (end_ - begin_ < total) return false;
  into = {base::load_big_endian<std::uint32_t>(start + 4), base::load_big_endian<std::uint64_t>(start + 8),
          start + request_header_bytes, total - request_header_bytes};
  begin_ += total;
  return true;
}

void append_answer(outgoing& to, std::uint32_t id, std::uint64_t content) {
  std::byte answer[answer_bytes]{};
  base::store_big_endian<std::uint32_t>(answer, answer_bytes - sizeof(std::uint32_t));
  base::store_big_endian<std::uint32_t>(answer + 4, id);
  base::store_big_endian<std::uint64_t>(answer + 8, content);
  to.append(answer, sizeof answer);
}

}  // namespace tidelog::floor_bench
