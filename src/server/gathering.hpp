#pragma once
// Answers that come one by one, in any order and on any threads, and are needed together.

#include "tidelog/base/unique_function.hpp"

#include <atomic>
#include <memory>
#include <vector>

namespace tidelog::server {

/// Calls `finish` once with all results, in the order of their places, on the thread that gave the last one; at once
/// when there are none to wait for.
template <class Result>
class gathering {
 public:
  using finished = base::unique_function<void(std::vector<Result>)>;
  gathering(std::size_t count, finished finish) : shared_(std::make_shared<state>(count, std::move(finish))) {
    if (count == 0) shared_->finish({});
  }

  /// What takes the result of a place; called once for each.
  [[nodiscard]] auto taker(std::size_t place) const {
    return [shared = shared_, place](Result result) {
      shared->results[place] = std::move(result);
      if (shared->missing.fetch_sub(1) == 1) shared->finish(std::move(shared->results));
    };
  }

 private:
  struct state {
    state(std::size_t count, finished finish_in)
        : results(count), missing(count), finish(std::move(finish_in)) {}
    std::vector<Result> results;
    std::atomic<std::size_t> missing;
    finished finish;
  };
  std::shared_ptr<state> shared_;
};

}  // namespace tidelog::server
