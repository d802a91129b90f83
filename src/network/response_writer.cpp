#include "response_writer.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

namespace tidelog::network {

namespace {

constexpr std::size_t most_vectors = 64;
/// For files without a descriptor, which are read through memory.
constexpr std::size_t copied_bytes = 64UL * 1024;

/// Where the memory before the insert numbered `insert` (or the answer) ends.
std::size_t memory_end(const codec::encoded& answer, std::size_t insert) {
  return insert < answer.inserts.size() ? answer.inserts[insert].at : answer.memory.size();
}

struct gathered {
  std::array<iovec, most_vectors> vectors;
  std::size_t count = 0;
  std::size_t bytes = 0;
  bool slice_follows = false;
};

/// The memory that can leave before the next slice, from as many answers as are settled.
void gather(gathered& into, const response_queue& queue, std::size_t memory_sent, std::size_t insert) {
  for (std::size_t place = 0; into.count < most_vectors; ++place) {
    const auto* outcome = queue.at(place);
    if (outcome == nullptr || std::holds_alternative<closing>(*outcome)) return;
    const auto* answer = std::get_if<codec::encoded>(outcome);
    if (answer == nullptr) continue;
    const auto from = place == 0 ? memory_sent : 0;
    const auto current = place == 0 ? insert : 0;
    const auto end = memory_end(*answer, current);
    TIDELOG_ASSERT(from <= end && end <= answer->memory.size(), "from={} end={}", from, end);
    if (end > from) {
      // sendmsg does not write to what it sends; iovec only cannot say so.
      into.vectors[into.count++] = {const_cast<std::byte*>(answer->memory.data() + from), end - from};
      into.bytes += end - from;
    }
    if (current < answer->inserts.size()) {
      into.slice_follows = true;
      return;
    }
  }
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

response_writer::progress response_writer::write(int socket, response_queue& queue,
                                                 std::uint64_t most_bytes) {
  sent_ = 0;
  auto now = state::drained;
  while (true) {
    bool wrote = false;
    now = write_memory(socket, queue, wrote);
    if (now != state::drained) break;
    if (sent_ >= most_bytes) {
      now = state::turn_used;
      break;
    }
    if (wrote) continue;
    const auto* front = queue.at(0);
    if (front == nullptr) break;
    if (std::holds_alternative<closing>(*front)) {
      now = state::closing;
      break;
    }
    // No memory was left to write before it, so the front answer goes on with a slice.
    now = write_slice(socket, std::get<codec::encoded>(*front), queue);
    if (now != state::drained) break;
  }
  if (corked_ && now != state::blocked && now != state::turn_used) set_cork(socket, 0);
  return {now, sent_};
}

response_writer::state response_writer::write_memory(int socket, response_queue& queue, bool& wrote) {
  gathered pieces;
  gather(pieces, queue, memory_sent_, insert_);
  if (pieces.bytes == 0) {
    advance(queue, 0);
    return state::drained;
  }
  msghdr message{};
  message.msg_iov = pieces.vectors.data();
  message.msg_iovlen = pieces.count;
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (pieces.slice_follows ? MSG_MORE : 0);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, flags);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    if (would_block(errno)) return state::blocked;
    return fail_with({std::error_code(errno, std::system_category()), "sending an answer"});
  }
  wrote = true;
  sent_ += static_cast<std::uint64_t>(sent);
  advance(queue, static_cast<std::size_t>(sent));
  return static_cast<std::size_t>(sent) < pieces.bytes ? state::blocked : state::drained;
}

/// Moves past `bytes` of memory and past every answer that has left whole, requests without answer included.
void response_writer::advance(response_queue& queue, std::size_t bytes) {
  while (true) {
    const auto* outcome = queue.at(0);
    if (outcome == nullptr || std::holds_alternative<closing>(*outcome)) break;
    const auto* answer = std::get_if<codec::encoded>(outcome);
    if (answer != nullptr) {
      const auto end = memory_end(*answer, insert_);
      const auto taken = std::min(bytes, end - memory_sent_);
      memory_sent_ += taken;
      bytes -= taken;
      if (memory_sent_ < end || insert_ < answer->inserts.size()) break;
    }
    pop_front(queue);
  }
  TIDELOG_ASSERT(bytes == 0, "bytes={}", bytes);
}

void response_writer::pop_front(response_queue& queue) {
  queue.pop();
  memory_sent_ = 0;
  insert_ = 0;
  slice_sent_ = 0;
  warm_until_ = 0;
}

response_writer::state response_writer::write_slice(int socket, const codec::encoded& answer,
                                                    response_queue& queue) {
  const auto& slice = answer.inserts[insert_].slice;
  if (slice_sent_ < slice.length && warm_until_ <= slice_sent_) {
    const auto length = std::min(piece_bytes, slice.length - slice_sent_);
    const auto position = slice.position + slice_sent_;
    if (!slice.source->is_cached(position, length)) {
      cold_ = {slice.source, position, length};
      return state::cold;
    }
    warm_until_ = slice_sent_ + length;
  }
  if (slice_sent_ < slice.length) {
    // The last, short packet of a slice waits for what comes after it, so that both leave together.
    if (!corked_ && anything_follows(answer, queue)) set_cork(socket, 1);
    if (const auto now = send_piece(socket, slice, warm_until_ - slice_sent_); now != state::drained)
      return now;
  }
  if (slice_sent_ == slice.length) {
    ++insert_;
    slice_sent_ = 0;
    warm_until_ = 0;
    advance(queue, 0);
  }
  return state::drained;
}

response_writer::state response_writer::send_piece(int socket, const io::file_slice& slice,
                                                   std::uint64_t length) {
  ssize_t sent = 0;
  if (const int file = slice.source->descriptor(); file >= 0) {
    do {
      auto position = static_cast<off_t>(slice.position + slice_sent_);
      sent = ::sendfile(socket, file, &position, length);
    } while (sent < 0 && errno == EINTR);
  } else {
    std::vector<std::byte> copy(static_cast<std::size_t>(std::min<std::uint64_t>(length, copied_bytes)));
    auto read = slice.source->read_at(copy, slice.position + slice_sent_);
    if (!read) return fail_with(std::move(read.error()));
    if (*read > 0) {
      do {
        sent = ::send(socket, copy.data(), *read, MSG_NOSIGNAL | MSG_DONTWAIT);
      } while (sent < 0 && errno == EINTR);
    }
  }
  if (sent < 0) {
    if (would_block(errno)) return state::blocked;
    return fail_with({std::error_code(errno, std::system_category()),
                      fmt::format("sending {} bytes of {}", length, slice.source->name())});
  }
  if (sent == 0) {
    return fail_with(
        {std::make_error_code(std::errc::io_error),
         fmt::format("{} ends before position {}", slice.source->name(), slice.position + slice.length)});
  }
  slice_sent_ += static_cast<std::uint64_t>(sent);
  sent_ += static_cast<std::uint64_t>(sent);
  return state::drained;
}

bool response_writer::anything_follows(const codec::encoded& answer, const response_queue& queue) const {
  if (insert_ + 1 < answer.inserts.size() || memory_sent_ < answer.memory.size()) return true;
  const auto* next = queue.at(1);
  return next != nullptr && std::holds_alternative<codec::encoded>(*next);
}

void response_writer::piece_is_in() {
  warm_until_ = slice_sent_ + std::exchange(cold_, {}).length;
}

void response_writer::set_cork(int socket, int value) {
  // Only a hint to the kernel; where it fails (not TCP), everything leaves in more packets.
  ::setsockopt(socket, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
  corked_ = value != 0;
}

response_writer::state response_writer::fail_with(base::error failure) {
  failure_ = std::move(failure);
  return state::failed;
}

}  // namespace tidelog::network
