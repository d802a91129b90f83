// The client side: one thread, one epoll loop, requests prepared beforehand, `depth` of them under way on
// every connection; what comes back is discarded. It does as little as it can, so that the server is what is
// measured.

#include "floor.hpp"

#include "tidelog/base/bytes.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <deque>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidelog::floor_bench {
namespace {

using time_point = std::chrono::steady_clock::time_point;

double processor_seconds(pid_t process) {
  clockid_t clock{};
  timespec spent{};
  if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &spent) != 0) return 0;
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

struct client_connection {
  descriptor socket;
  std::size_t unsent = 0;      ///< bytes of requests that may leave but have not
  std::size_t frame_sent = 0;  ///< bytes of the current request that have left
  std::uint64_t received = 0;  ///< bytes of the current answer
  bool waits_to_write = false;
  std::deque<time_point> under_way;
};

class driver {
 public:
  driver(const options& wanted, std::uint16_t port, pid_t server)
      : wanted_(wanted),
        server_(server),
        epoll_(static_cast<int>(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"))),
        fetches_(wanted.mode == "sendfile") {
    const std::size_t payload = fetches_ ? 0 : wanted.batch_bytes;
    request_.resize(request_header_bytes + payload, std::byte{0x42});
    base::store_big_endian<std::uint32_t>(request_.data(), static_cast<std::uint32_t>(request_.size() - 4));
    base::store_big_endian<std::uint32_t>(request_.data() + 4, 7);
    base::store_big_endian<std::uint64_t>(request_.data() + 8, wanted.batch_bytes);
    one_answer_ = answer_bytes + (fetches_ ? wanted.batch_bytes : 0);
    for (int i = 0; i < wanted.connections; ++i) connect_one(port);
  }

  void run() {
    const auto start = std::chrono::steady_clock::now();
    const auto measured_from = start + seconds(wanted_.warm_up_seconds);
    auto end = measured_from + seconds(wanted_.seconds);
    for (auto& peer : peers_) start_requests(*peer, static_cast<std::size_t>(wanted_.depth));
    std::vector<epoll_event> events(peers_.size());
    bool warm = false;
    for (;;) {
      const auto ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 1000);
      const auto now = std::chrono::steady_clock::now();
      if (!warm && now >= measured_from) {
        warm = true;
        answers_ = 0;
        latencies_ns_.clear();
        begun_ = now;
        end = now + seconds(wanted_.seconds);
        processor_begin_ = processor_seconds(server_);
      }
      if (warm && now >= end) {
        elapsed_ = std::chrono::duration<double>(now - begun_).count();
        processor_ = processor_seconds(server_) - processor_begin_;
        return;
      }
      for (int i = 0; i < ready; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        auto& peer = *peers_[event.data.u64];
        if ((event.events & EPOLLIN) != 0) receive(peer);
        if ((event.events & EPOLLOUT) != 0) send_some(peer);
      }
    }
  }

  void print() {
    std::sort(latencies_ns_.begin(), latencies_ns_.end());
    const auto at = [this](double part) {
      if (latencies_ns_.empty()) return 0.0;
      const auto last = static_cast<double>(latencies_ns_.size() - 1);
      return latencies_ns_[static_cast<std::size_t>(last * part)] / 1000.0;
    };
    const auto answers = static_cast<double>(answers_);
    const double bytes = answers * static_cast<double>(wanted_.batch_bytes);
    std::printf(
        "{\"floor\":\"%s\",\"batch_bytes\":%zu,\"connections\":%d,\"depth\":%d,\"seconds\":%.3f,"
        "\"requests\":%llu,\"requests_per_s\":%.1f,\"bytes_per_s\":%.0f,\"latency_us\":{\"p50\":%.1f,\"p90\":"
        "%.1f,"
        "\"p99\":%.1f,\"p99.9\":%.1f,\"p99.99\":%.1f,\"max\":%.1f},\"server_cpu_s\":%.3f,"
        "\"server_cpu_s_per_gb\":%.4f,\"server_cpu_us_per_request\":%.3f}\n",
        wanted_.mode.c_str(), wanted_.batch_bytes, wanted_.connections, wanted_.depth, elapsed_,
        static_cast<unsigned long long>(answers_), answers / elapsed_, bytes / elapsed_, at(0.5), at(0.9),
        at(0.99), at(0.999), at(0.9999), at(1), processor_, bytes > 0 ? processor_ / (bytes / 1e9) : 0,
        answers > 0 ? processor_ * 1e6 / answers : 0);
  }

 private:
  static std::chrono::nanoseconds seconds(double count) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(count * 1e9));
  }

  void connect_one(std::uint16_t port) {
    auto peer = std::make_unique<client_connection>();
    peer->socket =
        descriptor(static_cast<int>(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(port);
    must(::connect(peer->socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where), "connect");
    const int on = 1;
    must(::setsockopt(peer->socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    must(::fcntl(peer->socket.get(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
    add_to_epoll(epoll_.get(), peer->socket.get(), EPOLLIN, peers_.size());
    peers_.push_back(std::move(peer));
  }

  void start_requests(client_connection& peer, std::size_t count) {
    const auto now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < count; ++i) peer.under_way.push_back(now);
    peer.unsent += count * request_.size();
    send_some(peer);
  }

  void send_some(client_connection& peer) {
    constexpr std::size_t most_parts = 64;
    while (peer.unsent > 0) {
      iovec parts[most_parts];
      std::size_t used = 0;
      std::size_t planned = 0;
      auto begin = peer.frame_sent;
      while (used < most_parts && planned < peer.unsent) {
        parts[used++] = {request_.data() + begin, request_.size() - begin};
        planned += request_.size() - begin;
        begin = 0;
      }
      const auto sent = ::writev(peer.socket.get(), parts, static_cast<int>(used));
      if (sent < 0 && errno != EAGAIN && errno != EINTR) give_up("writev");
      const auto count = sent < 0 ? std::size_t{0} : static_cast<std::size_t>(sent);
      peer.unsent -= count;
      peer.frame_sent = (peer.frame_sent + count) % request_.size();
      if (count < planned) break;
    }
    want_writable(peer, peer.unsent > 0);
  }

  void want_writable(client_connection& peer, bool wanted) {
    if (peer.waits_to_write == wanted) return;
    peer.waits_to_write = wanted;
    epoll_event event{};
    event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
    for (std::size_t i = 0; i < peers_.size(); ++i)
      if (peers_[i].get() == &peer) event.data.u64 = i;
    must(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, peer.socket.get(), &event), "epoll_ctl");
  }

  void receive(client_connection& peer) {
    // What a fetch brings is thrown away in the kernel (MSG_TRUNC copies nothing).
    const auto received = ::recv(peer.socket.get(), discard_.data(), discard_.size(),
                                 fetches_ ? MSG_TRUNC | MSG_DONTWAIT : MSG_DONTWAIT);
    if (received == 0) give_up("the server has gone");
    if (received < 0) return;
    peer.received += static_cast<std::uint64_t>(received);
    const auto done = peer.received / one_answer_;
    peer.received %= one_answer_;
    if (done == 0) return;
    const auto now = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < done; ++i) {
      latencies_ns_.push_back(static_cast<double>((now - peer.under_way.front()).count()));
      peer.under_way.pop_front();
    }
    answers_ += done;
    start_requests(peer, done);
  }

  const options& wanted_;
  pid_t server_;
  descriptor epoll_;
  bool fetches_;
  std::vector<std::byte> request_;
  std::uint64_t one_answer_ = 0;
  std::vector<std::byte> discard_ = std::vector<std::byte>(1 << 20);
  std::vector<std::unique_ptr<client_connection>> peers_;
  std::uint64_t answers_ = 0;
  std::vector<double> latencies_ns_;
  time_point begun_;
  double elapsed_ = 0;
  double processor_begin_ = 0;
  double processor_ = 0;
};

}  // namespace

int measure(const options& wanted, const server& serve) {
  const descriptor listener(
      static_cast<int>(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")));
  // Accepted sockets inherit the option, and small answers must not wait for each other.
  const int on = 1;
  must(::setsockopt(listener.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  must(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&where), size), "bind");
  must(::listen(listener.get(), 1024), "listen");
  must(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size), "getsockname");
  const auto child = static_cast<pid_t>(must(::fork(), "fork"));
  if (child == 0) {
    serve(listener.get(), wanted);
    std::_Exit(0);
  }
  {
    driver client(wanted, ntohs(where.sin_port), child);
    client.run();
    client.print();
  }
  ::kill(child, SIGKILL);
  int how = 0;
  ::waitpid(child, &how, 0);
  return 0;
}

}  // namespace tidelog::floor_bench
