#include "service_manager.hpp"

#include <fmt/core.h>
#include <systemd/sd-daemon.h>

#include <ctime>

namespace tidelog::app {

void service_manager::ready(std::string_view status) const {
  ::sd_notify(0, fmt::format("READY=1\nSTATUS={}", status).c_str());
}

void service_manager::status(std::string_view text) const {
  ::sd_notify(0, fmt::format("STATUS={}", text).c_str());
}

void service_manager::reloading() const {
  // The manager orders notifications by this time.
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  constexpr long long microseconds = 1'000'000;
  const long long stamp = now.tv_sec * microseconds + now.tv_nsec / 1000;
  ::sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", stamp).c_str());
}

void service_manager::stopping() const {
  ::sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

void service_manager::still_alive() const {
  ::sd_notify(0, "WATCHDOG=1");
}

std::optional<std::chrono::microseconds> service_manager::watchdog_interval() const {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds(microseconds / 2);
}

}  // namespace tidelog::app
