#pragma once
// Looks through the records of a batch for a timestamp, without keeping what is decompressed.

#include "tidelog/model/record_batch.hpp"

#include <optional>

namespace tidelog::storage {

struct timed_record {
  model::offset offset;
  model::timestamp timestamp;
};

/// The first record at or above `start` whose timestamp is at least `wanted`. Fails with a batch_errc or a
/// compression_errc where the records cannot be read.
[[nodiscard]] base::result<std::optional<timed_record>> first_record_at_or_after(
    const model::record_batch_view& batch, model::timestamp wanted, model::offset start);

}  // namespace tidelog::storage
