#pragma once
// What a scrape counts once for all its series. Scrapes are seconds apart, the series of one of them far less.

#include "tidelog/base/clock.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace tidelog::coordinator {

/// Thread safe.
template <class Census>
class recent_census {
 public:
  recent_census(const base::clock& clock, std::function<Census()> take)
      : clock_(clock), take_(std::move(take)) {}

  [[nodiscard]] std::shared_ptr<const Census> get() {
    constexpr std::chrono::milliseconds holds{500};
    const std::lock_guard lock(mutex_);
    const auto now = clock_.steady_now();
    if (!taken_at_ || now - *taken_at_ > holds) {
      census_ = std::make_shared<const Census>(take_());
      taken_at_ = now;
    }
    return census_;
  }

 private:
  const base::clock& clock_;
  const std::function<Census()> take_;
  std::mutex mutex_;
  std::shared_ptr<const Census> census_;
  std::optional<std::chrono::steady_clock::time_point> taken_at_;
};

}  // namespace tidelog::coordinator
