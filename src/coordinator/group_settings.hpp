#pragma once
// What groups are configured to: broker configs by Kafka's names, as typed values.

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::coordinator {

/// group.consumer.migration.policy
enum class migration_policy { disabled, upgrade, downgrade, bidirectional };

/// The values that a single group of the new protocol can override (config resource GROUP).
struct consumer_group_overrides {
  std::int32_t session_timeout_ms = 45'000;
  std::int32_t heartbeat_interval_ms = 5'000;
  std::int32_t assignment_interval_ms = 1'000;
};

/// Immutable while a step runs. Durations in milliseconds.
struct group_settings {
  std::int32_t min_session_timeout_ms = 6'000;
  std::int32_t max_session_timeout_ms = 1'800'000;
  std::int32_t initial_rebalance_delay_ms = 3'000;
  std::int32_t max_size = 2'147'483'647;

  std::int32_t consumer_max_size = 2'147'483'647;
  migration_policy consumer_migration = migration_policy::bidirectional;
  /// In order of preference: the first is the default.
  std::vector<std::string> consumer_assignors{"uniform", "range"};
  consumer_group_overrides consumer_defaults;

  std::int32_t offset_metadata_max_bytes = 4'096;
  std::int64_t offsets_retention_ms = 10'080LL * 60 * 1000;

  /// Whether group.version is finalized: without it the new protocol is not served.
  bool consumer_protocol_is_served = true;
};

}  // namespace tidelog::coordinator
