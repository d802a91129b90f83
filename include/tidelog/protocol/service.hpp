#pragma once
// Where network and server meet: a frame in, a response (memory and file slices) out. network knows bytes and frames,
// server knows requests; app connects them.

#include "tidelog/base/unique_function.hpp"
#include "tidelog/codec/encoded.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace tidelog::protocol {

/// Things that run on one reactor's thread. Lives longer than every connection on it.
class reactor {
 public:
  reactor() = default;
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;
  virtual ~reactor() = default;

  /// Runs `work` on the reactor's thread, soon. Any thread.
  virtual void post(base::task work) = 0;

  using timer_id = std::uint64_t;
  /// Runs `work` on the reactor's thread after `delay`. Only on the reactor's thread.
  virtual timer_id start_timer(std::chrono::milliseconds delay, base::task work) = 0;
  /// The work will not run any more; without effect when it has run. Only on the reactor's thread.
  virtual void cancel_timer(timer_id timer) = 0;
};

/// What the server may know and keep of a connection. Its fields are used on the connection's reactor only.
struct connection_info {
  std::uint64_t id = 0;
  reactor* home = nullptr;
  std::string listener_name;
  /// The address the client came from and the one it reached us by, without ports; IPv6 without brackets.
  std::string client_host;
  std::string local_host;
  std::uint16_t local_port = 0;
  /// From ApiVersions; empty until the client has said.
  std::string client_software_name;
  std::string client_software_version;
  /// The server's own notes on the connection; the network only keeps them.
  std::shared_ptr<void> server_notes;
};

/// The bytes of one request, without the leading size. `bytes` may be changed in place. They are valid until
/// service::handle returns, and for as long as a copy of `owner` is kept.
struct request_frame {
  base::byte_span bytes;
  std::shared_ptr<void> owner;
};

/// Takes one answer; the connection implements it. Every function may be called from any thread.
class response_port {
 public:
  response_port() = default;
  response_port(const response_port&) = delete;
  response_port& operator=(const response_port&) = delete;
  virtual ~response_port() = default;
  virtual void answer(std::uint64_t slot, codec::encoded response) = 0;
  virtual void answer_nothing(std::uint64_t slot) = 0;
  virtual void close(std::uint64_t slot, std::string reason) = 0;
};

/// The right and the duty to answer one request, exactly once, from any thread. Answers leave in the order of the
/// requests whatever the order they are given in. Dropped unanswered, it closes the connection.
class responder {
 public:
  responder() = default;
  responder(std::shared_ptr<response_port> port, std::uint64_t slot) : port_(std::move(port)), slot_(slot) {}
  responder(responder&&) noexcept = default;
  responder& operator=(responder&& other) noexcept {
    responder released(std::move(other));
    std::swap(port_, released.port_);
    std::swap(slot_, released.slot_);
    return *this;
  }
  responder(const responder&) = delete;
  responder& operator=(const responder&) = delete;
  ~responder() { close("the request was dropped without an answer"); }

  [[nodiscard]] explicit operator bool() const { return port_ != nullptr; }
  /// `response` is the whole frame, with its leading size.
  void answer(codec::encoded response) {
    if (auto port = std::exchange(port_, nullptr)) port->answer(slot_, std::move(response));
  }
  /// For requests that want no answer (produce with acks=0).
  void answer_nothing() {
    if (auto port = std::exchange(port_, nullptr)) port->answer_nothing(slot_);
  }
  /// Closes the connection once the answers before this one have left; `reason` is for the log.
  void close(std::string reason) {
    if (auto port = std::exchange(port_, nullptr)) port->close(slot_, std::move(reason));
  }

 private:
  std::shared_ptr<response_port> port_;
  std::uint64_t slot_ = 0;
};

/// The server as the network sees it. Called on the connection's reactor; must not block.
class service {
 public:
  service() = default;
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  virtual ~service() = default;

  /// `connection` stays valid until `disconnected` has returned for it.
  virtual void connected(connection_info& connection) = 0;
  virtual void handle(connection_info& connection, request_frame frame, responder answer) = 0;
  virtual void disconnected(connection_info& connection) = 0;
};

}  // namespace tidelog::protocol
