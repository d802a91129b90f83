#pragma once
// What an operator may set about connections. Named after Kafka's keys where Kafka has the concept.

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace tidelog::network {

/// Addresses with a bound of their own on their connections. Thread safe.
class address_limits {
 public:
  /// By address, in the form that inet_ntop() writes.
  using table = std::unordered_map<std::string, std::int32_t>;

  void replace(table limits) {
    const std::lock_guard lock(mutex_);
    limits_.swap(limits);
  }
  [[nodiscard]] std::optional<std::int32_t> find(const std::string& address) const {
    const std::lock_guard lock(mutex_);
    const auto found = limits_.find(address);
    return found == limits_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  mutable std::mutex mutex_;
  table limits_;
};

/// Atomic fields and address_limits may be changed at any time, from any thread, and take effect within seconds; the
/// others are read when a listener is bound or a connection is accepted. Lives longer than the socket_server that was given it.
struct network_settings {
  /// socket.request.max.bytes: a frame that announces more closes its connection.
  std::atomic<std::int32_t> socket_request_max_bytes{100 * 1024 * 1024};
  /// max.connections and max.connections.per.ip: who comes when they are reached is closed at once.
  std::atomic<std::int32_t> max_connections{std::numeric_limits<std::int32_t>::max()};
  std::atomic<std::int32_t> max_connections_per_ip{std::numeric_limits<std::int32_t>::max()};
  /// max.connections.per.ip.overrides: these addresses have this bound instead.
  address_limits max_connections_per_ip_overrides;
  /// connections.max.idle.ms: without a request in progress and without a byte in either direction; negative: never.
  std::atomic<std::int64_t> connections_max_idle_ms{600'000};
  /// queued.max.request.bytes: requests that wait for their answers and large half-received frames, of all connections
  /// together. Above it no connection begins another request until some have been answered. Negative: no bound.
  std::atomic<std::int64_t> queued_max_request_bytes{-1};

  /// A connection is not read while it has this many requests whose answers have not left.
  std::int32_t requests_in_flight_per_connection = 1000;
  /// A connection is not read while answers of this many bytes (file slices not counted) wait for the client to read.
  std::int64_t response_bytes_queued_per_connection = 1024 * 1024;

  /// socket.send.buffer.bytes and socket.receive.buffer.bytes; negative leaves it to the kernel, which adapts.
  std::int32_t socket_send_buffer_bytes = -1;
  std::int32_t socket_receive_buffer_bytes = -1;
  /// socket.listen.backlog.size
  std::int32_t socket_listen_backlog_size = 1024;
};

}  // namespace tidelog::network
