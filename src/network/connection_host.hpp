#pragma once
// What the connections of one socket_server on one reactor share: buffers, counters, the sweep for idle ones, the
// orderly end.

#include "connection_limits.hpp"
#include "event_loop.hpp"
#include "memory_budget.hpp"
#include "unique_fd.hpp"

#include "tidelog/base/worker_pool.hpp"
#include "tidelog/network/counters.hpp"
#include "tidelog/network/receive_buffer.hpp"
#include "tidelog/network/settings.hpp"

#include <atomic>
#include <memory>
#include <vector>

namespace tidelog::network {

class connection;

/// A counter that one thread changes and any thread reads.
class local_counter {
 public:
  void add(std::uint64_t count) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t count) {
    value_.store(value_.load(std::memory_order_relaxed) - count, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct host_counters {
  local_counter closed_idle;
  local_counter bytes_in;
  local_counter bytes_out;
  local_counter requests;
  local_counter requests_in_flight;
  local_counter frames_refused;
  local_counter cold_pieces;
};

/// A connection on its way from the listener to its reactor.
struct accepted_socket {
  unique_fd socket;
  connection_limits::admission admitted;
  std::string listener_name;
  std::string client_host;
  std::string local_host;
  std::uint16_t client_port = 0;
  std::uint16_t local_port = 0;
};

/// Everything but the counters and `load` is used on the loop's thread only.
class connection_host : public std::enable_shared_from_this<connection_host> {
 public:
  /// What all hosts of one server share; outlives the connections.
  struct surroundings {
    const network_settings& settings;
    protocol::service& service;
    base::worker_pool& disk;
    memory_budget& budget;
    std::atomic<std::uint64_t>& next_connection_id;
  };

  connection_host(std::shared_ptr<event_loop> loop, const surroundings& around);

  void adopt(accepted_socket accepted);
  /// Connections finish what they have taken and close.
  void drain();
  void close_all();
  /// Called by a connection when nothing of it is left.
  void remove(connection& gone);

  [[nodiscard]] const std::shared_ptr<event_loop>& loop() const { return loop_; }
  [[nodiscard]] const surroundings& around() const { return around_; }
  [[nodiscard]] buffer_pool& buffers() { return buffers_; }
  [[nodiscard]] host_counters& counters() { return counters_; }
  [[nodiscard]] const host_counters& counters() const { return counters_; }
  /// Connections here or on their way. Counted up by the listener, so that a burst spreads over the reactors.
  [[nodiscard]] std::atomic<std::uint64_t>& load() { return load_; }
  [[nodiscard]] const std::atomic<std::uint64_t>& load() const { return load_; }

 private:
  void start_sweep();
  void sweep();

  std::shared_ptr<event_loop> loop_;
  surroundings around_;
  buffer_pool buffers_;
  host_counters counters_;
  std::atomic<std::uint64_t> load_{0};
  std::vector<std::shared_ptr<connection>> connections_;
  bool sweeping_ = false;
  bool draining_ = false;
};

}  // namespace tidelog::network
