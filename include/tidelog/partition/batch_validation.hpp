#pragma once
// What is checked of a batch before it is stored: everything that a consumer could choke on. The batch is looked at
// where it lies; it is changed there where the topic asks for it (time of the append, another compression), or where
// the producer's header says a largest timestamp that is not in the records.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/model/types.hpp"

#include <cstdint>
#include <vector>

namespace tidelog::partition {

/// How much a check may cost.
enum class check_effort {
  /// On a reactor: a compressed batch that opens to more than a fraction of a millisecond's work is put off.
  quick,
  /// On a worker: as long as it takes, in constant memory.
  thorough,
};

/// A refused batch.
struct batch_refusal {
  base::error reason;
  /// The records at fault, by their place in the batch (the first of them, where there are many).
  std::vector<std::int32_t> records;
};

/// A batch that may be stored.
struct checked_batch {
  /// The bytes to store: those that came, or `rewritten`.
  base::byte_span bytes;
  std::vector<std::byte> rewritten;
};

/// `records` is all that came for the partition: exactly one batch. `now_ms` is the time of the append. The refusal's
/// reason is a partition::errc: batch_too_large, corrupt_batch, invalid_batch, invalid_records, invalid_timestamps,
/// unsupported_compression or, with check_effort::quick, needs_worker (nothing has been changed then). Thread safe.
[[nodiscard]] tl::expected<checked_batch, batch_refusal> check_batch(base::byte_span records,
                                                                     const metadata::topic_config& config,
                                                                     base::unix_ms now_ms,
                                                                     check_effort effort);

}  // namespace tidelog::partition
