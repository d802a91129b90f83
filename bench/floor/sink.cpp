// What every produce costs at least: receive, check the CRC32C, write to the page cache, answer.
// With one connection and one request at a time it is the floor of synchronous latency.

#include "floor.hpp"
#include "many_files.hpp"

#include "tidelog/base/crc32c.hpp"

#include <memory>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidelog::floor_bench {
namespace {

struct connection {
  connection(descriptor opened, std::size_t frame_bytes) : socket(std::move(opened)), in(frame_bytes) {}
  descriptor socket;
  incoming in;
  outgoing out;
};

/// A log: new pages all the time, as a broker's, in files that are let go when full so that the disk is not.
class sink_file {
 public:
  explicit sink_file(const options& wanted) : wanted_(wanted), file_(unnamed_file(wanted.directory)) {}

  void append(const std::byte* bytes, std::size_t count) {
    if (position_ + count > wanted_.segment_bytes) {
      file_ = unnamed_file(wanted_.directory);
      position_ = 0;
    }
    must(::pwrite(file_.get(), bytes, count, static_cast<off_t>(position_)), "pwrite");
    position_ += count;
  }

 private:
  const options& wanted_;
  descriptor file_;
  std::uint64_t position_ = 0;
};

/// False when the peer has gone.
template <class Log>
bool serve_once(connection& peer, Log& log) {
  if (!peer.in.receive(peer.socket.get())) return false;
  incoming::frame frame{};
  while (peer.in.next(frame)) {
    const auto checksum = base::crc32c({frame.payload, frame.payload_bytes});
    log.append(frame.payload, frame.payload_bytes);
    append_answer(peer.out, frame.id, checksum);
  }
  // The answers are few and small, and the client reads them: what does not fit now goes with the next ones.
  if (!peer.out.empty()) peer.out.flush(peer.socket.get());
  return true;
}

template <class Log>
void serve(int listener, const options& wanted, Log& log) {
  const descriptor epoll(static_cast<int>(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")));
  std::vector<std::unique_ptr<connection>> peers;
  for (int i = 0; i < wanted.connections; ++i) {
    descriptor socket(static_cast<int>(must(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept")));
    add_to_epoll(epoll.get(), socket.get(), EPOLLIN, static_cast<std::uint64_t>(i));
    peers.push_back(
        std::make_unique<connection>(std::move(socket), wanted.batch_bytes + request_header_bytes));
  }
  std::vector<epoll_event> events(static_cast<std::size_t>(wanted.connections));
  for (;;) {
    const auto ready = ::epoll_wait(epoll.get(), events.data(), wanted.connections, -1);
    for (int i = 0; i < ready; ++i) {
      if (!serve_once(*peers[events[static_cast<std::size_t>(i)].data.u64], log)) return;
    }
  }
}

}  // namespace

void serve_sink(int listener, const options& wanted) {
  sink_file log(wanted);
  serve(listener, wanted, log);
}

void serve_many_sinks(int listener, const options& wanted) {
  many_files log(wanted);
  serve(listener, wanted, log);
}

}  // namespace tidelog::floor_bench
