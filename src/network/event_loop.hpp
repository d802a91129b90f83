#pragma once
// One reactor: an io_context with one thread, an inbox for work from other threads, timers over one asio timer, and
// turns, at whose end connections send what they have gathered.

#include "timer_heap.hpp"

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "tidelog/protocol/service.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace tidelog::network {

/// Called once at the end of the turn in which it was asked for.
class turn_end_listener {
 public:
  turn_end_listener() = default;
  turn_end_listener(const turn_end_listener&) = delete;
  turn_end_listener& operator=(const turn_end_listener&) = delete;
  virtual ~turn_end_listener() = default;
  virtual void turn_ended() = 0;
};

/// A turn is what the loop does between two looks at its sockets: one connection's batch of requests, one round of
/// posted work, the timers that are due. Answers given during a turn, to whichever connection of this loop, leave at
/// its end, so that those to the same connection share a system call.
class event_loop final : public protocol::reactor, public std::enable_shared_from_this<event_loop> {
 public:
  event_loop() = default;
  ~event_loop() override;

  /// `index` is seen in the thread's name.
  void start(std::size_t index);
  /// Runs what was posted before, then joins the thread and drops posts and timers from then on.
  void stop();

  void post(base::task work) override;
  timer_id start_timer(std::chrono::milliseconds delay, base::task work) override;
  void cancel_timer(timer_id timer) override;

  [[nodiscard]] bool is_here() const { return current_ == this; }
  [[nodiscard]] bool is_stopped() const { return stopped_.load(std::memory_order_acquire); }
  [[nodiscard]] asio::io_context& context() { return context_; }

  /// Open while it lives; turns nest, the outermost counts.
  class turn {
   public:
    explicit turn(event_loop& loop) : loop_(loop) { ++loop_.open_turns_; }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
      if (loop_.open_turns_ == 1 && !loop_.turn_end_listeners_.empty()) loop_.end_turn();
      --loop_.open_turns_;
    }

   private:
    event_loop& loop_;
  };
  /// On the loop's thread. Outside of a turn, one is opened soon.
  void at_turn_end(std::shared_ptr<turn_end_listener> listener);

 private:
  void run(std::size_t index);
  void run_inbox();
  void run_due_timers();
  void arm(timer_heap::time_point due);
  void end_turn();

  static thread_local event_loop* current_;

  asio::io_context context_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> staying_;
  std::thread thread_;

  std::mutex inbox_mutex_;
  std::vector<base::task> inbox_;
  std::atomic<bool> stopped_ = false;

  timer_heap timers_;
  asio::steady_timer alarm_{context_};
  /// When the alarm will ring; unset when it is not armed. A cancelled timer leaves it armed: it rings in vain once.
  std::optional<timer_heap::time_point> alarm_due_;

  int open_turns_ = 0;
  std::vector<std::shared_ptr<turn_end_listener>> turn_end_listeners_;
};

}  // namespace tidelog::network
