// What every fetch of cached data costs at least: a small request, a small header, and the file's bytes by
// sendfile.

#include "floor.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidelog::floor_bench {
namespace {

constexpr std::uint64_t file_bytes = 256ULL << 20;

struct connection {
  explicit connection(descriptor opened) : socket(std::move(opened)), in(request_header_bytes) {}
  descriptor socket;
  incoming in;
  std::deque<incoming::frame> waiting;
  outgoing header;
  std::uint64_t position = 0;
  std::uint64_t left = 0;
};

/// Sends until the socket is full or nothing waits.
void send_some(connection& peer, int file) {
  for (;;) {
    if (!peer.header.empty() && !peer.header.flush(peer.socket.get())) return;
    while (peer.left > 0) {
      auto from = static_cast<off_t>(peer.position);
      const auto sent = ::sendfile(peer.socket.get(), file, &from, peer.left);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (sent <= 0) return;  // The peer has gone; its end of stream is seen by receive.
      peer.position += static_cast<std::uint64_t>(sent);
      peer.left -= static_cast<std::uint64_t>(sent);
    }
    if (peer.waiting.empty()) return;
    const auto next = peer.waiting.front();
    peer.waiting.pop_front();
    append_answer(peer.header, next.id, peer.position);
    if (peer.position + next.length > file_bytes) peer.position = 0;
    peer.left = next.length;
  }
}

}  // namespace

void serve_sendfile(int listener, const options& wanted) {
  const auto file = unnamed_file(wanted.directory);
  const std::vector<std::byte> block(1 << 20, std::byte{0x5a});
  for (std::uint64_t at = 0; at < file_bytes; at += block.size())
    must(::pwrite(file.get(), block.data(), block.size(), static_cast<off_t>(at)), "pwrite");
  const descriptor epoll(static_cast<int>(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")));
  std::vector<std::unique_ptr<connection>> peers;
  for (int i = 0; i < wanted.connections; ++i) {
    descriptor socket(static_cast<int>(
        must(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK), "accept")));
    add_to_epoll(epoll.get(), socket.get(), EPOLLIN | EPOLLOUT | EPOLLET, static_cast<std::uint64_t>(i));
    peers.push_back(std::make_unique<connection>(std::move(socket)));
  }
  std::vector<epoll_event> events(static_cast<std::size_t>(wanted.connections));
  for (;;) {
    const auto ready = ::epoll_wait(epoll.get(), events.data(), wanted.connections, -1);
    for (int i = 0; i < ready; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      auto& peer = *peers[event.data.u64];
      if ((event.events & EPOLLIN) != 0) {
        if (!peer.in.receive(peer.socket.get())) return;
        incoming::frame frame{};
        while (peer.in.next(frame)) peer.waiting.push_back(frame);
      }
      send_some(peer, file.get());
    }
  }
}

}  // namespace tidelog::floor_bench
