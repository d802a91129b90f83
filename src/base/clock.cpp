#include "tidelog/base/clock.hpp"

namespace tidelog::base {
namespace {

class machine_clock final : public clock {
 public:
  [[nodiscard]] unix_ms now_ms() const override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::now();
  }
};

}  // namespace

const clock& system_clock() {
  static const machine_clock the_clock;
  return the_clock;
}

}  // namespace tidelog::base
