#pragma once
// A place in a log, as its writer, its readers and those who make it durable speak of it.

#include "tidelog/model/types.hpp"

#include <cstdint>

namespace tidelog::storage {

/// An offset at which a batch begins or will begin, and where that is.
struct log_mark {
  model::offset offset{};
  model::offset segment_base{};
  std::uint64_t position = 0;
  std::uint64_t total_bytes = 0;  ///< of batches appended before it since the log was opened
};

}  // namespace tidelog::storage
