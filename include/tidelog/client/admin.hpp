#pragma once
// Administration: what the CLI, the load generator and the tests ask of a cluster. Answers that are errors come as
// failures in broker_category, with the broker's own message.

#include "tidelog/client/cluster.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidelog::client {

struct config_pair {
  std::string name;
  std::string value;
};

struct topic_creation {
  std::string name;
  std::int32_t partition_count = -1;     ///< -1: the broker's default
  std::int16_t replication_factor = -1;  ///< -1: the broker's default
  std::vector<config_pair> configs;
};

/// Returns when the broker has answered and metadata shows the topic, so that it can be used at once.
[[nodiscard]] base::status create_topic(cluster& in, const topic_creation& wanted);
[[nodiscard]] base::status delete_topic(cluster& in, const std::string& name);
/// `partition_count` is the new total.
[[nodiscard]] base::status create_partitions(cluster& in, const std::string& topic,
                                             std::int32_t partition_count);

struct config_resource {
  protocol::resource_type type;
  std::string name;
};

struct config_entry {
  std::string name;
  std::optional<std::string> value;  ///< nothing for secrets
  protocol::config_source source = protocol::config_source::unknown;
  bool is_read_only = false;
  bool is_sensitive = false;
  std::string documentation;
};

/// All configs where `names` is empty. In the order of the names.
[[nodiscard]] base::result<std::vector<config_entry>> describe_configs(cluster& in, const config_resource& of,
                                                                       const std::vector<std::string>& names);
struct config_change {
  std::string name;
  std::optional<std::string> value;  ///< nothing: back to the default
};
[[nodiscard]] base::status change_configs(cluster& in, const config_resource& of,
                                          std::span<const config_change> changes);

/// Where in a partition: an offset asked for by what it means, or the first at or after a point in time.
using offset_query = base::strong_id<struct offset_query_tag, std::int64_t>;
inline constexpr offset_query latest_offset{-1};
inline constexpr offset_query earliest_offset{-2};
inline constexpr offset_query max_timestamp_offset{-3};

struct listed_offset {
  model::topic_partition at;
  model::offset offset = model::no_offset;  ///< none when no record is that late
  model::timestamp timestamp = model::no_timestamp;
  model::leader_epoch leader_epoch = model::no_leader_epoch;
};
/// One for each of `at`, in the same order.
[[nodiscard]] base::result<std::vector<listed_offset>> list_offsets(
    cluster& in, std::span<const model::topic_partition> at, offset_query query);
/// Removes what lies before `before` (-1: everything there is). Returns the new log start.
[[nodiscard]] base::result<model::offset> delete_records(cluster& in, const model::topic_partition& at,
                                                         model::offset before);

/// What a broker says of a partition.
struct partition_answer {
  model::topic_partition at;
  protocol::error_code error = protocol::error_code::none;
  std::string message;  ///< for people; may be empty
};
/// Has partitions that are offline opened again and recovered, or with a broker of several gives partitions their preferred
/// leaders back. Nothing to do is election_not_needed. `partitions` empty: all that there are, of which only those that
/// needed it are answered. Waits as long as a request may take; where that is not enough the answer is request_timed_out.
[[nodiscard]] base::result<std::vector<partition_answer>> elect_leaders(
    cluster& in, std::span<const model::topic_partition> partitions);
/// Asks `broker`, which has the partitions, why they have no leader.
[[nodiscard]] base::result<std::vector<partition_answer>> ask_why_unavailable(
    cluster& in, model::broker_id broker, const std::string& topic,
    std::span<const model::partition_index> partitions);

struct log_dir_partition {
  model::topic_partition at;
  std::int64_t size_bytes = 0;
  std::int64_t offset_lag = 0;
};
struct log_dir {
  model::broker_id broker;
  std::string path;
  std::int64_t total_bytes = -1;   ///< -1: not told
  std::int64_t usable_bytes = -1;  ///< -1: not told
  std::vector<log_dir_partition> partitions;
};
/// Of all brokers.
[[nodiscard]] base::result<std::vector<log_dir>> describe_log_dirs(cluster& in);

struct quorum_voter {
  model::broker_id id;
  model::offset log_end_offset;
};
struct quorum {
  model::broker_id leader{-1};
  std::int32_t leader_epoch = -1;
  model::offset high_watermark;
  std::vector<quorum_voter> voters;
};
[[nodiscard]] base::result<quorum> describe_quorum(cluster& in);

}  // namespace tidelog::client
