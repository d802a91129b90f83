#pragma once
// What the service manager (systemd) is told. Without one, everything here does nothing.

#include <chrono>
#include <optional>
#include <string_view>

namespace tidelog::app {

class service_manager {
 public:
  void ready(std::string_view status) const;
  void status(std::string_view text) const;
  void reloading() const;
  void stopping() const;
  void still_alive() const;
  /// How often it wants to hear from us: twice in each of its own intervals. Nothing: it does not.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval() const;
};

}  // namespace tidelog::app
