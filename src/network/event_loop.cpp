#include "event_loop.hpp"

#include <asio/post.hpp>
#include <fmt/core.h>

#include <csignal>
#include <pthread.h>

namespace tidelog::network {

thread_local event_loop* event_loop::current_ = nullptr;

event_loop::~event_loop() {
  TIDELOG_ASSERT(!thread_.joinable());
}

void event_loop::start(std::size_t index) {
  staying_.emplace(context_.get_executor());
  thread_ = std::thread([this, index] { run(index); });
}

void event_loop::stop() {
  if (!thread_.joinable()) return;
  TIDELOG_ASSERT(!is_here());
  post([this] { context_.stop(); });
  thread_.join();
}

void event_loop::run(std::size_t index) {
  pthread_setname_np(pthread_self(), fmt::format("reactor-{}", index).c_str());
  // sendfile to a socket whose peer has gone raises SIGPIPE and has no flag to say otherwise.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);

  current_ = this;
  context_.run();
  std::vector<base::task> dropped;
  {
    const std::lock_guard lock(inbox_mutex_);
    stopped_.store(true, std::memory_order_release);
    dropped.swap(inbox_);
  }
  // What the tasks hold may be connections that hold this loop; letting go here breaks the circle.
  dropped.clear();
  timers_.clear();
  turn_end_listeners_.clear();
  current_ = nullptr;
}

void event_loop::post(base::task work) {
  bool wake = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (stopped_.load(std::memory_order_relaxed)) return;
    wake = inbox_.empty();
    inbox_.push_back(std::move(work));
  }
  if (wake) asio::post(context_, [this] { run_inbox(); });
}

void event_loop::run_inbox() {
  const turn guard(*this);
  std::vector<base::task> round;
  {
    const std::lock_guard lock(inbox_mutex_);
    round.swap(inbox_);
  }
  for (auto& work : round) {
    work();
    work = {};
  }
}

protocol::reactor::timer_id event_loop::start_timer(std::chrono::milliseconds delay, base::task work) {
  TIDELOG_ASSERT(is_here());
  const auto due = std::chrono::steady_clock::now() + delay;
  const auto timer = timers_.start(due, std::move(work));
  if (!alarm_due_ || due < *alarm_due_) arm(due);
  return timer;
}

void event_loop::cancel_timer(timer_id timer) {
  TIDELOG_ASSERT(is_here());
  timers_.cancel(timer);
}

void event_loop::arm(timer_heap::time_point due) {
  alarm_due_ = due;
  alarm_.expires_at(due);
  alarm_.async_wait([this](const std::error_code& error) {
    if (!error) run_due_timers();
  });
}

void event_loop::run_due_timers() {
  const turn guard(*this);
  alarm_due_.reset();
  // Timers started by these wait for the next ring, also with no delay: they are due after this `now`.
  const auto now = std::chrono::steady_clock::now();
  while (auto work = timers_.take_due(now)) work();
  if (const auto next = timers_.earliest(); next && (!alarm_due_ || *next < *alarm_due_)) arm(*next);
}

void event_loop::at_turn_end(std::shared_ptr<turn_end_listener> listener) {
  turn_end_listeners_.push_back(std::move(listener));
  if (open_turns_ == 0 && turn_end_listeners_.size() == 1) {
    asio::post(context_, [this] { const turn guard(*this); });
  }
}

void event_loop::end_turn() {
  // Listeners may ask again while they are called; those join this round.
  for (std::size_t i = 0; i < turn_end_listeners_.size(); ++i) {
    const auto listener = std::move(turn_end_listeners_[i]);
    listener->turn_ended();
  }
  turn_end_listeners_.clear();
}

}  // namespace tidelog::network
