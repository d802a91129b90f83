#pragma once
// One thread's share of the load: an epoll loop that keeps prepared requests under way on its connections. It does as
// little as it can for a request, so that the broker is what is measured: frames are encoded once and sent as they
// are, answers are looked at in one place or thrown away in the kernel.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/client/socket.hpp"
#include "tidelog/tools/latency_histogram.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace tidelog::tools {

using time_point = std::chrono::steady_clock::time_point;

/// A whole frame, sent again and again.
struct prepared_request {
  std::vector<std::byte> frame;
  /// Bytes of records that it carries or asks for, for the throughput.
  std::uint64_t payload_bytes = 0;
  /// Of the answer without its size; 0 when any will do.
  std::uint64_t answer_bytes = 0;
};
/// Sent in turn, beginning with the connection's own place, for ever.
using request_ring = std::shared_ptr<const std::vector<prepared_request>>;

enum class answers {
  none,       ///< the broker sends none: a request is done when it has left
  looked_at,  ///< the checker sees every one
  discarded,  ///< only the size is looked at
};

struct load_settings {
  client::deadline begin;  ///< what is answered before is warm-up
  client::deadline end;
  std::size_t depth = 1;
  /// Between two requests of one connection, for an open loop: latency then counts from when a request should have
  /// left, whether or not it could. Nothing: the next request leaves when an answer has come.
  std::optional<std::chrono::nanoseconds> interval;
  tools::answers answers = tools::answers::looked_at;
  /// Says what is wrong with an answer (without its size), if anything.
  std::function<base::status(base::byte_span answer)> check;
};

struct load_result {
  latency_histogram latencies;
  std::uint64_t requests = 0;
  std::uint64_t payload_bytes = 0;
};

/// run() on a thread of its own; the counters may be read from others meanwhile.
class load_loop {
 public:
  explicit load_loop(const load_settings& settings);
  load_loop(const load_loop&) = delete;
  load_loop& operator=(const load_loop&) = delete;
  ~load_loop();

  void add(client::socket socket, request_ring requests, std::size_t first_request);
  /// Returns when the end has come or a connection or answer failed.
  [[nodiscard]] base::status run();
  void stop() { stopped_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] const load_result& result() const { return result_; }
  [[nodiscard]] std::uint64_t requests_so_far() const {
    return live_requests_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t bytes_so_far() const { return live_bytes_.load(std::memory_order_relaxed); }

 private:
  struct request_under_way {
    time_point since;
    const prepared_request* request;
  };
  struct peer;

  /// Queues the requests that are due and within the depth; true when there were any.
  bool queue_due(peer& at, time_point now);
  [[nodiscard]] base::status start_due(peer& at, time_point now);
  [[nodiscard]] base::status send_some(peer& at);
  [[nodiscard]] base::status receive(peer& at);
  [[nodiscard]] base::status receive_looked_at(peer& at);
  [[nodiscard]] base::status receive_discarded(peer& at);
  [[nodiscard]] base::status want_writable(peer& at, bool wanted);
  void complete(peer& at, time_point now);
  [[nodiscard]] std::chrono::nanoseconds until_next(time_point now) const;

  load_settings settings_;
  std::vector<std::unique_ptr<peer>> peers_;
  int epoll_ = -1;
  load_result result_;
  std::atomic<std::uint64_t> live_requests_{0};
  std::atomic<std::uint64_t> live_bytes_{0};
  std::atomic<bool> stopped_{false};
};

}  // namespace tidelog::tools
