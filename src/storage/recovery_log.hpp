#pragma once
// Collects what recovery and readers find wrong with a log.

#include "tidelog/base/small_mutex.hpp"
#include "tidelog/storage/recovery_report.hpp"

#include <memory>
#include <mutex>

namespace tidelog::storage {

/// Thread safe.
class recovery_log {
 public:
  void add(recovery_event event);
  [[nodiscard]] recovery_report report() const;

 private:
  mutable base::small_mutex mutex_;
  /// Nothing where nothing was found wrong, as in most logs.
  std::unique_ptr<recovery_report> report_;
};

}  // namespace tidelog::storage
