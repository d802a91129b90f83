#pragma once
// Administration of consumer groups. Whoever coordinates a group is looked up for every call, and again while the
// answer is that a coordinator is loading, missing or elsewhere.

#include "tidelog/client/coordinators.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidelog::client {

/// States and types as brokers name them ("Stable", "consumer"), in any case. Empty lists let everything through.
struct group_filter {
  std::vector<std::string> states;
  std::vector<std::string> types;
};
struct listed_group {
  std::string id;
  std::string protocol_type;  ///< "consumer" for consumers, empty for groups that only hold offsets
  std::string state;          ///< empty where the broker is too old to tell
  std::string type;           ///< empty where the broker is too old to tell
};
/// Of all brokers, in the order of their ids. Fails with unsupported_api when a broker cannot filter as wished.
[[nodiscard]] base::result<std::vector<listed_group>> list_groups(cluster& in, const group_filter& filter);

struct member_description {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  std::optional<std::string> rack;
  std::int32_t epoch = -1;  ///< consumer protocol only
  std::vector<std::string> topics;
  std::optional<std::string> topic_pattern;
  partition_list assigned;  ///< in order; empty where the members speak a protocol not known here
  std::optional<partition_list> awaited;  ///< what it is on its way to, consumer protocol only
};
struct group_description {
  std::string id;
  std::string type;           ///< "classic" or "consumer"
  std::string protocol_type;  ///< "consumer" for consumers
  std::string state;
  std::string assignor;
  model::broker_id coordinator;
  std::int32_t group_epoch = -1;            ///< consumer protocol only
  std::int32_t assignment_epoch = -1;       ///< consumer protocol only
  std::vector<member_description> members;  ///< in the order of their ids
};
/// One for each of `ids`, in the same order. Fails with the broker's GROUP_ID_NOT_FOUND for the first that is unknown.
[[nodiscard]] base::result<std::vector<group_description>> describe_groups(cluster& in,
                                                                           std::span<const std::string> ids);

struct group_outcome {
  std::string id;
  protocol::error_code code = protocol::error_code::none;
};
/// One for each of `ids`, in the same order.
[[nodiscard]] base::result<std::vector<group_outcome>> delete_groups(cluster& in,
                                                                     std::span<const std::string> ids);

struct committed_offset {
  model::topic_partition at;
  model::offset offset = model::no_offset;  ///< the next to be read; none where nothing was committed
  model::leader_epoch leader_epoch = model::no_leader_epoch;
  std::string metadata;
};
/// Everything that a group has committed, in order. An unknown group has committed nothing.
[[nodiscard]] base::result<std::vector<committed_offset>> fetch_all_committed(cluster& in,
                                                                              const std::string& group);
/// What of offsets that a transaction has committed but not decided yet: the one before, or wait for the decision.
enum class undecided_offsets { passed_over, waited_for };
/// One for each of `at`, in the same order.
[[nodiscard]] base::result<std::vector<committed_offset>> fetch_committed(
    cluster& in, const std::string& group, std::span<const model::topic_partition> at,
    undecided_offsets undecided);

struct partition_outcome {
  model::topic_partition at;
  protocol::error_code code = protocol::error_code::none;
};
/// Who commits: a member in its generation, or by default nobody, which a group without members allows.
struct committer {
  std::int32_t generation = -1;
  std::string member_id;
  std::optional<std::string> instance_id;
};
/// One for each of `offsets`, in the same order. Partitions fail or succeed each on its own.
[[nodiscard]] base::result<std::vector<partition_outcome>> commit_offsets(
    cluster& in, const std::string& group, std::span<const committed_offset> offsets, const committer& by);
/// Forgets what was committed; one for each of `at`, in the same order. A topic that members read keeps its offsets.
[[nodiscard]] base::result<std::vector<partition_outcome>> delete_offsets(
    cluster& in, const std::string& group, std::span<const model::topic_partition> at);

}  // namespace tidelog::client
