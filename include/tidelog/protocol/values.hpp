#pragma once
// Small enumerations that fields of messages hold. A peer may send other numbers; they are kept as they are.

#include <cstdint>

namespace tidelog::protocol {

enum class isolation_level : std::int8_t { read_uncommitted = 0, read_committed = 1 };

/// What a config belongs to.
enum class resource_type : std::int8_t {
  unknown = 0,
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32,
};

/// Where the value of a config comes from.
enum class config_source : std::int8_t {
  not_said = -1,
  unknown = 0,
  topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_value = 5,
  dynamic_broker_logger = 6,
  client_metrics = 7,
  group = 8,
};

enum class config_type : std::int8_t {
  unknown = 0,
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  float64 = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

/// What IncrementalAlterConfigs does with a value.
enum class config_operation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

/// Which of its two faces a cluster is asked for by DescribeCluster.
enum class endpoint_type : std::int8_t { unknown = 0, brokers = 1, controllers = 2 };

/// What FindCoordinator is asked about.
enum class coordinator_type : std::int8_t { group = 0, transaction = 1, share = 2 };

/// Which protocol a member of a group of the consumer protocol speaks.
enum class group_member_type : std::int8_t { unknown = -1, classic = 0, consumer = 1 };

/// Timestamps by which ListOffsets asks for a place and not for a time.
namespace list_offsets_timestamp {
inline constexpr std::int64_t latest = -1;
inline constexpr std::int64_t earliest = -2;
inline constexpr std::int64_t largest_timestamp = -3;
inline constexpr std::int64_t earliest_local = -4;
inline constexpr std::int64_t latest_tiered = -5;
inline constexpr std::int64_t earliest_pending_upload = -6;
}  // namespace list_offsets_timestamp

/// Authorized operations that were not asked for.
inline constexpr std::int32_t operations_not_asked_for = INT32_MIN;

}  // namespace tidelog::protocol
