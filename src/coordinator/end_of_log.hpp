#pragma once
// When a coordinator's partition has to be given up.

#include "tidelog/partition/partition_error.hpp"
#include "tidelog/storage/storage_error.hpp"

namespace tidelog::coordinator {

/// After an append that has failed so, nothing comes into this log any more.
[[nodiscard]] inline bool is_end_of_log(const base::error& error) {
  return error.code == partition::errc::offline || error.code == partition::errc::recovering ||
         error.code == partition::errc::unknown_partition || error.code == storage::errc::log_offline ||
         error.code == storage::errc::closed;
}

}  // namespace tidelog::coordinator
