#pragma once
// The threads that connections live on: N event loops with one thread each.

#include "tidelog/protocol/service.hpp"

#include <memory>
#include <vector>

namespace tidelog::network {

class event_loop;

/// Runs from construction until stop(). Outlives every socket_server that uses it, and is not stopped before them.
class reactor_pool {
 public:
  /// `reactors` threads named reactor-N; 0 means one for each core that this process may run on.
  explicit reactor_pool(std::size_t reactors = 0);
  reactor_pool(const reactor_pool&) = delete;
  reactor_pool& operator=(const reactor_pool&) = delete;
  ~reactor_pool();

  [[nodiscard]] std::size_t size() const { return loops_.size(); }
  /// Valid as long as the pool.
  [[nodiscard]] protocol::reactor& at(std::size_t index) const;
  /// Lets what was posted run, then joins the threads. Later posts and pending timers are dropped without being run.
  /// Not from a reactor's thread; may be called twice.
  void stop();

  /// For this layer only.
  [[nodiscard]] const std::vector<std::shared_ptr<event_loop>>& loops() const { return loops_; }

 private:
  std::vector<std::shared_ptr<event_loop>> loops_;
};

}  // namespace tidelog::network
