#include "tidelog/network/socket_server.hpp"

#include "connection_host.hpp"
#include "connection_limits.hpp"
#include "host_and_port.hpp"
#include "listener.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <thread>

namespace tidelog::network {

namespace {

/// How often stop() looks whether the connections are gone.
constexpr std::chrono::milliseconds stop_look_interval{1};
/// Refusals come in floods; one line tells of many.
constexpr std::chrono::seconds refusals_said_every{10};

void set_options(const unique_fd& socket) {
  // Neither changes what is right; where the kernel refuses, a connection is slower, or a dead peer unnoticed longer.
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/// The address the client reached us by, which a listener on all addresses does not know.
std::string local_host_of(const unique_fd& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  const void* bytes =
      address.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr);
  ::inet_ntop(address.ss_family, bytes, text.data(), text.size());
  return text.data();
}

}  // namespace

struct socket_server::inside {
  inside(reactor_pool& pool, const network_settings& given, protocol::service& service,
         base::worker_pool& disk)
      : reactors(pool),
        settings(given),
        budget(given.queued_max_request_bytes),
        limits(std::make_shared<connection_limits>(given)) {
    const connection_host::surroundings around{given, service, disk, budget, next_connection_id};
    for (const auto& loop : pool.loops()) hosts.push_back(std::make_shared<connection_host>(loop, around));
  }

  void accepted(const listener& from, unique_fd socket, peer_address peer);
  void say_refused(const peer_address& peer, const std::string& refusal);
  [[nodiscard]] connection_host& least_loaded();
  [[nodiscard]] std::uint64_t open() const {
    std::uint64_t total = 0;
    for (const auto& host : hosts) total += host->load().load(std::memory_order_acquire);
    return total;
  }
  /// Until all connections are gone, but not beyond `deadline`.
  void wait_until_empty(std::chrono::steady_clock::time_point deadline) const;
  /// Runs `work` on each loop and waits until it has.
  template <class Work>
  void on_each_loop(Work work);

  reactor_pool& reactors;
  const network_settings& settings;
  memory_budget budget;
  std::shared_ptr<connection_limits> limits;
  std::atomic<std::uint64_t> next_connection_id{1};
  std::vector<std::shared_ptr<connection_host>> hosts;
  std::vector<std::shared_ptr<listener>> listeners;
  std::atomic<std::size_t> next_host{0};
  std::atomic<std::uint64_t> accepted_count{0};
  std::atomic<std::uint64_t> refused_count{0};
  std::atomic<std::uint64_t> accept_failures{0};
  std::mutex refusals_mutex;
  std::chrono::steady_clock::time_point refusals_said{};
  bool stopped = false;
};

connection_host& socket_server::inside::least_loaded() {
  // Beginning somewhere else each time, so that equally loaded ones take turns.
  const auto first = next_host.fetch_add(1, std::memory_order_relaxed);
  connection_host* best = nullptr;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    auto& host = *hosts[(first + i) % hosts.size()];
    if (best == nullptr || host.load().load() < best->load().load()) best = &host;
  }
  return *best;
}

void socket_server::inside::accepted(const listener& from, unique_fd socket, peer_address peer) {
  std::string refusal;
  auto admitted = limits->admit(peer.host, refusal);
  if (!admitted) {
    refused_count.fetch_add(1, std::memory_order_relaxed);
    return say_refused(peer, refusal);
  }
  accepted_count.fetch_add(1, std::memory_order_relaxed);
  set_options(socket);
  auto local_host = local_host_of(socket);
  accepted_socket taken{std::move(socket),    std::move(admitted),   from.address().listener_name,
                        std::move(peer.host), std::move(local_host), peer.port,
                        from.address().port};
  auto& host = least_loaded();
  host.load().fetch_add(1);
  host.loop()->post([host = host.shared_from_this(), taken = std::move(taken)]() mutable {
    host->adopt(std::move(taken));
  });
}

void socket_server::inside::say_refused(const peer_address& peer, const std::string& refusal) {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(refusals_mutex);
    if (refusals_said != std::chrono::steady_clock::time_point{} && now - refusals_said < refusals_said_every)
      return;
    refusals_said = now;
  }
  base::say_warning("connection from {} refused: {}; {} refused so far", host_and_port(peer.host, peer.port),
                    refusal, refused_count.load());
}

void socket_server::inside::wait_until_empty(std::chrono::steady_clock::time_point deadline) const {
  while (open() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(stop_look_interval);
  }
}

template <class Work>
void socket_server::inside::on_each_loop(Work work) {
  std::atomic<std::size_t> left{hosts.size()};
  for (const auto& host : hosts) {
    TIDELOG_ASSERT(!host->loop()->is_stopped());
    host->loop()->post([&left, &work, host] {
      work(*host);
      left.fetch_sub(1);
      left.notify_one();
    });
  }
  for (auto now = left.load(); now != 0; now = left.load()) left.wait(now);
}

socket_server::socket_server(reactor_pool& reactors, const network_settings& settings,
                             protocol::service& service, base::worker_pool& disk)
    : inside_(std::make_unique<inside>(reactors, settings, service, disk)) {}

socket_server::~socket_server() {
  stop(std::chrono::milliseconds(0));
}

base::status socket_server::bind(const listen_address& address) {
  TIDELOG_TRY(auto sockets, bind_sockets(address));
  auto& here = *inside_;
  for (auto& socket : sockets) {
    const auto& loops = here.reactors.loops();
    const auto& loop = loops[here.listeners.size() % loops.size()];
    here.listeners.push_back(std::make_shared<listener>(
        loop, std::move(socket),
        listener::events{[&here](const listener& from, unique_fd accepted, peer_address peer) {
                           here.accepted(from, std::move(accepted), std::move(peer));
                         },
                         [&here] { here.accept_failures.fetch_add(1, std::memory_order_relaxed); }}));
  }
  return {};
}

std::vector<bound_address> socket_server::bound() const {
  std::vector<bound_address> addresses;
  for (const auto& one : inside_->listeners) addresses.push_back(one->address());
  return addresses;
}

base::status socket_server::start() {
  for (const auto& one : inside_->listeners) TIDELOG_DO(one->start(inside_->settings));
  return {};
}

void socket_server::stop(std::chrono::milliseconds patience) {
  auto& here = *inside_;
  if (std::exchange(here.stopped, true)) return;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (const auto& one : here.listeners) one->stop();
  // After a round over all loops no listener accepts any more, and what was accepted stands in its host's inbox.
  here.on_each_loop([](connection_host&) {});
  if (patience.count() > 0) {
    here.on_each_loop([](connection_host& host) { host.drain(); });
    here.wait_until_empty(deadline);
  }
  if (const auto left = here.open(); left > 0 && patience.count() > 0) {
    base::say_warning("closing {} connections that did not finish within {} ms", left, patience.count());
  }
  here.on_each_loop([](connection_host& host) { host.close_all(); });
  // Those who were woken for memory but not run yet still refer to the budget; one more round sees them off.
  here.budget.clear();
  here.on_each_loop([](connection_host&) {});
}

network_counters socket_server::counters() const {
  const auto& here = *inside_;
  network_counters sum;
  sum.connections_accepted = here.accepted_count.load(std::memory_order_relaxed);
  sum.connections_refused = here.refused_count.load(std::memory_order_relaxed);
  sum.accept_failures = here.accept_failures.load(std::memory_order_relaxed);
  sum.connections_open = here.open();
  sum.request_bytes_in_flight =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, here.budget.used_bytes()));
  for (const auto& host : here.hosts) {
    const auto& one = host->counters();
    sum.connections_closed_idle += one.closed_idle.value();
    sum.bytes_in += one.bytes_in.value();
    sum.bytes_out += one.bytes_out.value();
    sum.requests += one.requests.value();
    sum.requests_in_flight += one.requests_in_flight.value();
    sum.frames_refused += one.frames_refused.value();
    sum.cold_pieces += one.cold_pieces.value();
  }
  return sum;
}

}  // namespace tidelog::network
