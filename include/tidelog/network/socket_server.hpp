#pragma once
// The network as the program sees it: addresses to listen on, connections that feed a service, an orderly end.

#include "tidelog/base/result.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/network/counters.hpp"
#include "tidelog/network/errc.hpp"
#include "tidelog/network/reactor_pool.hpp"
#include "tidelog/network/settings.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tidelog::network {

/// `host` is an IPv4 or IPv6 address, a name (every address it has is bound) or empty for all addresses of the machine.
/// Port 0 lets the system choose, the same for all addresses of the listener.
struct listen_address {
  std::string listener_name;
  std::string host;
  std::uint16_t port = 0;
};

struct bound_address {
  std::string listener_name;
  /// Numeric; IPv6 without brackets.
  std::string host;
  std::uint16_t port = 0;
};

/// Accepts connections, cuts their bytes into frames for the service and sends its answers in order. All functions are
/// for one controlling thread, which is no reactor's.
class socket_server {
 public:
  /// Everything given outlives the server; the disk pool reads cold file slices before they are sent.
  socket_server(reactor_pool& reactors, const network_settings& settings, protocol::service& service,
                base::worker_pool& disk);
  socket_server(const socket_server&) = delete;
  socket_server& operator=(const socket_server&) = delete;
  /// Stops at once when stop() was not called.
  ~socket_server();

  /// Reserves the addresses; nobody can connect before start(). Errors carry errno and the address (EADDRINUSE: port in
  /// use) or errc::unknown_host. An address family that the machine lacks is left out as long as another one is bound.
  [[nodiscard]] base::status bind(const listen_address& address);
  [[nodiscard]] std::vector<bound_address> bound() const;
  /// Begins to accept. EADDRINUSE when another process was faster since bind().
  [[nodiscard]] base::status start();

  /// Stops accepting and reading, lets the requests that were taken be answered and their answers leave, until
  /// `patience` is over, then closes what is left. When it returns, `disconnected` has been called for every
  /// connection and the service is not called any more. May be called twice.
  void stop(std::chrono::milliseconds patience);

  /// Any thread.
  [[nodiscard]] network_counters counters() const;

 private:
  struct inside;
  std::unique_ptr<inside> inside_;
};

}  // namespace tidelog::network
