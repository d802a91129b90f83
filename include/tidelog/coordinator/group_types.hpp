#pragma once
// What is asked of a group coordinator and what it answers, in its own terms: values, no protocol versions. Where the
// protocol's versions differ in meaning, the request says which meaning is wanted. Every answer carries `error`, which
// is empty when all went well, or a coordinator::errc.

#include "tidelog/base/unique_function.hpp"
#include "tidelog/model/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace tidelog::coordinator {

/// Called once, on any thread, outside every lock.
template <class Answer>
using reply = base::unique_function<void(Answer)>;

using bytes = std::vector<std::byte>;

/// Who is asking, as the group remembers its members.
struct client_identity {
  std::string client_id;
  std::string host;
};

// The classic protocol: clients choose among themselves who assigns.

struct group_protocol {
  std::string name;
  /// A member's subscription for this protocol; the coordinator hands it on as it is.
  bytes metadata;
  friend bool operator==(const group_protocol&, const group_protocol&) = default;
};

/// A first join without member id: is the id only told (KIP-394), or does the join count?
enum class first_join { counts, tells_member_id };
/// Does a static leader that came back take SkipAssignment for an answer (KIP-814)?
enum class skip_assignment { not_understood, understood };

struct join_request {
  std::string group_id;
  std::string member_id;
  std::optional<std::string> instance_id;
  client_identity client;
  std::string protocol_type;
  std::vector<group_protocol> protocols;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = 0;
  std::string reason;
  first_join without_member_id = first_join::tells_member_id;
  skip_assignment leader_skips = skip_assignment::understood;
};

struct join_answer {
  std::error_code error;
  std::int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader_id;
  bool leader_skips_assignment = false;
  std::string member_id;
  struct member {
    std::string member_id;
    std::optional<std::string> instance_id;
    bytes metadata;
  };
  /// For the leader only.
  std::vector<member> members;
};

struct sync_request {
  std::string group_id;
  std::int32_t generation = -1;
  std::string member_id;
  std::optional<std::string> instance_id;
  /// Checked against the group's where they are given.
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  struct assignment {
    std::string member_id;
    bytes value;
  };
  /// From the leader only.
  std::vector<assignment> assignments;
};

struct sync_answer {
  std::error_code error;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  bytes assignment;
};

struct heartbeat_request {
  std::string group_id;
  std::int32_t generation = -1;
  std::string member_id;
  std::optional<std::string> instance_id;
};

struct heartbeat_answer {
  std::error_code error;
};

struct leave_request {
  std::string group_id;
  struct member {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::string reason;
  };
  std::vector<member> members;
};

struct leave_answer {
  std::error_code error;
  struct member {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::error_code error;
  };
  std::vector<member> members;
};

// The new protocol (KIP-848): the coordinator assigns.

struct assigned_topic {
  model::topic_id topic_id;
  std::vector<std::int32_t> partitions;
  friend bool operator==(const assigned_topic&, const assigned_topic&) = default;
};

/// What a subscription pattern comes to among the topics as they were at one moment.
struct pattern_resolution {
  /// Not empty: why the pattern is refused.
  std::string fault;
  /// Those whose whole name matches, internal ones too; ascending.
  std::vector<std::string> topics;
  std::int64_t topics_version = -1;
};

/// What is absent has not changed since the last heartbeat.
struct consumer_heartbeat_request {
  std::string group_id;
  std::string member_id;
  /// 0 joins, -1 leaves, -2 leaves for a while (static members).
  std::int32_t member_epoch = 0;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  client_identity client;
  /// -1: not changed.
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::vector<std::string>> subscribed_topic_names;
  /// An empty pattern takes the subscription by pattern back.
  std::optional<std::string> subscribed_topic_pattern;
  /// Of a pattern that is not empty: added by the coordinator, before the group is concerned with it.
  std::optional<pattern_resolution> resolution;
  std::optional<std::string> server_assignor;
  std::optional<std::vector<assigned_topic>> owned;
  /// Whether the member makes its id itself (from version 1 on it must).
  enum class id_made_by { member, coordinator };
  id_made_by member_id_from = id_made_by::member;
};

struct consumer_heartbeat_answer {
  std::error_code error;
  std::string error_message;
  std::string member_id;
  std::int32_t member_epoch = 0;
  std::int32_t heartbeat_interval_ms = 0;
  /// Only when it has changed, or the member has told all it has.
  std::optional<std::vector<assigned_topic>> assignment;
};

// Committed offsets.

struct offset_commit {
  model::offset offset{};
  model::leader_epoch leader_epoch = model::no_leader_epoch;
  std::string metadata;
};

struct commit_request {
  std::string group_id;
  /// Of a classic member; a member epoch in the new protocol; -1 with an empty member id for who is in no group.
  std::int32_t generation_or_epoch = -1;
  std::string member_id;
  std::optional<std::string> instance_id;
  struct partition {
    std::int32_t index = 0;
    offset_commit value;
  };
  struct topic {
    std::string name;
    /// Kept with the offset; a random id of none where the request names topics only.
    model::topic_id topic_id;
    std::vector<partition> partitions;
  };
  std::vector<topic> topics;
  /// How long to keep the offsets instead of as configured; -1: as configured.
  std::int64_t retention_ms = -1;
};

/// Offsets that are to count once the producer's transaction is committed. Who gives neither a generation nor a member
/// is taken without being asked; the retention is as configured.
struct transactional_commit_request : commit_request {
  model::producer_id producer_id = model::no_producer_id;
  model::producer_epoch producer_epoch = model::no_producer_epoch;
  /// How many markers the group's partition had taken (partition::markers_taken()) when the transaction was found open: a
  /// marker since then fails the commit with storage::errc::transaction_may_have_ended. Nothing: it is not asked.
  std::optional<std::uint64_t> verified_at_marker{};
};

struct partition_outcome {
  std::int32_t index = 0;
  std::error_code error;
};
struct topic_outcome {
  std::string name;
  std::vector<partition_outcome> partitions;
};

/// `error` holds for all partitions; otherwise `topics` are as in the request, in its order.
struct commit_answer {
  std::error_code error;
  std::vector<topic_outcome> topics;
};

/// To a model::transaction_end. Beside coordinator::errc, `error` may be what the log has against the producer or its
/// coordinator, of storage::errc.
struct transaction_end_answer {
  std::error_code error;
};

struct fetch_offsets_request {
  std::string group_id;
  /// Of a member of the new protocol, which is then checked.
  std::optional<std::string> member_id;
  std::int32_t member_epoch = -1;
  struct topic {
    std::string name;
    std::vector<std::int32_t> partitions;
  };
  /// All there are when absent.
  std::optional<std::vector<topic>> topics;
  /// Offsets that a transaction is about to change: answered as they were, or refused with unstable_offset. Of those
  /// that were never committed before, nothing is said where all are asked for.
  enum class pending { ignored, refused };
  pending transactional = pending::ignored;
};

struct fetch_offsets_answer {
  std::error_code error;
  struct partition {
    std::int32_t index = 0;
    /// offset -1 where none is committed.
    offset_commit value;
    std::error_code error;
  };
  struct topic {
    std::string name;
    std::vector<partition> partitions;
  };
  std::vector<topic> topics;
};

struct delete_offsets_request {
  std::string group_id;
  struct topic {
    std::string name;
    std::vector<std::int32_t> partitions;
  };
  std::vector<topic> topics;
};

struct delete_offsets_answer {
  std::error_code error;
  std::vector<topic_outcome> topics;
};

struct delete_group_answer {
  std::error_code error;
};

// What there is.

enum class group_type { classic, consumer };
/// The words of both protocols; classic: preparing_rebalance, completing_rebalance, consumer: assigning, reconciling.
enum class group_state {
  empty,
  preparing_rebalance,
  completing_rebalance,
  assigning,
  reconciling,
  stable,
  dead
};

struct group_listing {
  std::string group_id;
  std::string protocol_type;
  group_state state = group_state::empty;
  group_type type = group_type::classic;
};

struct list_groups_answer {
  /// load_in_progress when some partition is not read yet: the list is of the others.
  std::error_code error;
  std::vector<group_listing> groups;
};

struct classic_description {
  std::error_code error;
  std::string group_id;
  group_state state = group_state::dead;
  std::string protocol_type;
  std::string protocol_name;
  struct member {
    std::string member_id;
    std::optional<std::string> instance_id;
    client_identity client;
    bytes metadata;
    bytes assignment;
  };
  std::vector<member> members;
};

struct consumer_description {
  std::error_code error;
  std::string error_message;
  std::string group_id;
  group_state state = group_state::empty;
  std::int32_t group_epoch = 0;
  std::int32_t assignment_epoch = 0;
  std::string assignor_name;
  struct topic {
    model::topic_id topic_id;
    std::string name;
    std::vector<std::int32_t> partitions;
  };
  struct member {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::optional<std::string> rack_id;
    std::int32_t member_epoch = 0;
    client_identity client;
    std::vector<std::string> subscribed_topic_names;
    std::string subscribed_topic_pattern;
    std::vector<topic> assignment;
    std::vector<topic> target_assignment;
    group_type type = group_type::consumer;
  };
  std::vector<member> members;
};

}  // namespace tidelog::coordinator
