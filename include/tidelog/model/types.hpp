#pragma once
// The field's words as types. An offset counts records in a partition; ids of different things never mix.

#include "tidelog/base/strong_type.hpp"
#include "tidelog/base/uuid.hpp"

#include <cstdint>
#include <string>

namespace tidelog::model {

/// Counts the records of a partition from its beginning.
using offset = base::strong_point<struct offset_tag, std::int64_t>;
inline constexpr offset no_offset{-1};

/// Milliseconds since the epoch as a record carries them; -1 where it has none.
using timestamp = base::strong_point<struct timestamp_tag, std::int64_t>;
inline constexpr timestamp no_timestamp{-1};

/// Rises each time a partition gets a leader; with one broker, at every start.
using leader_epoch = base::strong_id<struct leader_epoch_tag, std::int32_t>;
inline constexpr leader_epoch no_leader_epoch{-1};

using broker_id = base::strong_id<struct broker_id_tag, std::int32_t>;
using partition_index = base::strong_id<struct partition_index_tag, std::int32_t>;

/// An idempotent producer's identity, its incarnation, and its numbering of records (which wraps at 2^31 - 1).
using producer_id = base::strong_id<struct producer_id_tag, std::int64_t>;
using producer_epoch = base::strong_id<struct producer_epoch_tag, std::int16_t>;
using sequence = base::strong_id<struct sequence_tag, std::int32_t>;
inline constexpr producer_id no_producer_id{-1};
inline constexpr producer_epoch no_producer_epoch{-1};
inline constexpr sequence no_sequence{-1};

using topic_id = base::uuid;

struct topic_partition {
  std::string topic;
  partition_index partition;
  friend auto operator<=>(const topic_partition&, const topic_partition&) = default;
  /// "TOPIC-PARTITION", also the name of its directory.
  [[nodiscard]] std::string text() const { return topic + "-" + std::to_string(partition.value()); }
};

}  // namespace tidelog::model

template <>
struct std::hash<tidelog::model::topic_partition> {
  std::size_t operator()(const tidelog::model::topic_partition& at) const noexcept {
    return std::hash<std::string>{}(at.topic) * 31 +
           std::hash<tidelog::model::partition_index>{}(at.partition);
  }
};
