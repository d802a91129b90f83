#pragma once
// Something that a coordinator does now and then.

#include "steady_time.hpp"

#include <algorithm>
#include <cstdint>

namespace tidelog::coordinator {

/// Only the timer's.
class periodic_round {
 public:
  /// Returns when it is due next. An interval that has become shorter counts from now.
  template <class Work>
  steady_ms do_if_due(steady_ms now_ms, std::int64_t interval_ms, const Work& work) {
    if (next_ms_ != no_deadline && next_ms_ <= now_ms) {
      work();
      next_ms_ = no_deadline;
    }
    next_ms_ = std::min(next_ms_, now_ms + interval_ms);
    return next_ms_;
  }

 private:
  steady_ms next_ms_ = no_deadline;
};

}  // namespace tidelog::coordinator
