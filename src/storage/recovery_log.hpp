#pragma once
// Collects what recovery and readers find wrong with a log.

#include "tidelog/storage/recovery_report.hpp"

#include <mutex>

namespace tidelog::storage {

/// Thread safe.
class recovery_log {
 public:
  void add(recovery_event event);
  [[nodiscard]] recovery_report report() const;

 private:
  mutable std::mutex mutex_;
  recovery_report report_;
};

}  // namespace tidelog::storage
