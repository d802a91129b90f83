#pragma once
// Which partition a record goes to: that which every other Kafka client picks for the same key.

#include "tidelog/base/bytes.hpp"
#include "tidelog/model/types.hpp"

#include <optional>
#include <random>

namespace tidelog::client {

/// MurmurHash2 of 32 bits with the seed that Kafka's clients use.
[[nodiscard]] std::uint32_t murmur2(base::byte_view bytes);

/// The partition of a key: the hash without its sign bit, modulo the partitions. `partition_count` is positive.
[[nodiscard]] model::partition_index partition_of_key(base::byte_view key, std::int32_t partition_count);

/// Kafka's default: by key where there is one; records without stay on one partition until its batch leaves, and
/// then go on to another, so that batches are full. For one topic; not thread safe.
class default_partitioner {
 public:
  explicit default_partitioner(std::uint64_t seed) : random_(seed) {}
  [[nodiscard]] model::partition_index pick(const std::optional<base::byte_view>& key,
                                            std::int32_t partition_count);
  /// The batch of keyless records has left.
  void batch_completed();

 private:
  std::mt19937_64 random_;
  std::optional<model::partition_index> sticky_;
  std::optional<model::partition_index> previous_;
};

}  // namespace tidelog::client
