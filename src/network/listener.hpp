#pragma once
// One address that is listened on. Accepting is all it does: whoever it was made by decides about the connections.

#include "event_loop.hpp"
#include "unique_fd.hpp"

#include <asio/awaitable.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "tidelog/base/result.hpp"
#include "tidelog/network/settings.hpp"
#include "tidelog/network/socket_server.hpp"

#include <functional>
#include <memory>
#include <string>

namespace tidelog::network {

struct peer_address {
  std::string host;
  std::uint16_t port = 0;
};

/// Bound but not listening yet.
struct bound_socket {
  unique_fd socket;
  bound_address address;
};

/// Binds every address that the host stands for; see socket_server::bind for the errors.
[[nodiscard]] base::result<std::vector<bound_socket>> bind_sockets(const listen_address& address);

/// Lives on one loop; bind and start happen before, on the controlling thread.
class listener : public std::enable_shared_from_this<listener> {
 public:
  struct events {
    /// Called on the listener's loop; the socket is non-blocking.
    std::function<void(const listener&, unique_fd, peer_address)> accepted;
    std::function<void()> failed;
  };
  listener(std::shared_ptr<event_loop> loop, bound_socket bound, events calls);

  [[nodiscard]] const bound_address& address() const { return address_; }
  /// Any thread. Accepting begins soon after.
  [[nodiscard]] base::status start(const network_settings& settings);
  /// Any thread. No connection is accepted once it has taken effect on the loop.
  void stop();

 private:
  [[nodiscard]] asio::awaitable<void> accept_until_stopped(std::shared_ptr<listener> keeps_alive);
  /// Takes what is waiting; returns errno when the system lacks something that time may bring back, else 0.
  [[nodiscard]] int accept_waiting();
  void say_failure(int error);

  std::shared_ptr<event_loop> loop_;
  bound_address address_;
  events calls_;
  unique_fd bound_;
  asio::posix::stream_descriptor socket_;
  bool stopped_ = false;
  std::chrono::steady_clock::time_point last_said_{};
};

}  // namespace tidelog::network
