#pragma once
// What a group of the new protocol remembers: the content of its records, and nothing that its records do not tell.
// replay() is the only way to change it, while the log is read and at run time alike.

#include "group_records.hpp"

#include "tidelog/coordinator/group_types.hpp"

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidelog::coordinator {

/// Partitions by topic: ascending, each once, no topic without partitions.
using topic_partitions = std::map<model::topic_id, std::vector<std::int32_t>>;

/// A partition in a member's hands, and the member epoch since which it is there.
struct held_partition {
  std::int32_t index = 0;
  std::int32_t epoch = 0;
  friend bool operator==(const held_partition&, const held_partition&) = default;
};
/// As topic_partitions.
using held_partitions = std::map<model::topic_id, std::vector<held_partition>>;

[[nodiscard]] topic_partitions without_epochs(const held_partitions& held);
/// Sorted and freed of what is there twice.
[[nodiscard]] topic_partitions sorted_partitions(const std::vector<assigned_topic>& topics);

/// How far a member has come with its target; the values are those of its record.
enum class member_state : std::int8_t {
  stable = 0,
  /// It is to give back partitions, and has not said that it did.
  unrevoked_partitions = 1,
  /// It waits for partitions that others still hold.
  unreleased_partitions = 2,
};

/// Epochs that a heartbeat (and, the last, a record) carries instead of a member's own.
inline constexpr std::int32_t joining_epoch = 0;
inline constexpr std::int32_t leaving_epoch = -1;
/// A static member that left for a while; its partitions are kept for it.
inline constexpr std::int32_t static_leaving_epoch = -2;

/// Where a member is on its way to its target.
struct member_assignment {
  std::int32_t epoch = joining_epoch;
  std::int32_t previous_epoch = -1;
  member_state state = member_state::stable;
  held_partitions assigned;
  held_partitions pending_revocation;
  friend bool operator==(const member_assignment&, const member_assignment&) = default;
};

struct consumer_group_member {
  /// What the member said of itself, as in its record.
  consumer_group_member_metadata_value metadata;
  member_assignment current;

  [[nodiscard]] bool is_classic() const { return metadata.classic.has_value(); }
  [[nodiscard]] std::string pattern() const { return metadata.subscribed_topic_regex.value_or(""); }
  [[nodiscard]] bool is_reconciled_to(std::int32_t target_epoch) const {
    return current.state == member_state::stable && current.epoch == target_epoch;
  }
};

/// The topics that a subscription pattern matched.
struct resolved_pattern {
  /// Ascending.
  std::vector<std::string> topics;
  std::int64_t version = 0;
  std::int64_t timestamp = 0;
};

class consumer_group_state {
 public:
  using member_map = std::map<std::string, consumer_group_member, std::less<>>;

  explicit consumer_group_state(std::string group_id) : group_id_(std::move(group_id)) {}
  consumer_group_state(consumer_group_state&&) = delete;
  consumer_group_state& operator=(consumer_group_state&&) = delete;
  ~consumer_group_state() = default;

  /// Records of other kinds of groups do nothing.
  void replay(const group_record& record);
  /// The record that takes back the replay of `record`, to be made before it.
  [[nodiscard]] group_record inverse_of(const group_record& record) const;

  [[nodiscard]] const std::string& group_id() const { return group_id_; }
  [[nodiscard]] bool is_there() const { return epoch_.has_value() || !members_.empty(); }
  /// A group begins at epoch 1, and so does its target.
  [[nodiscard]] std::int32_t group_epoch() const { return epoch_ ? epoch_->epoch : 1; }
  [[nodiscard]] std::int64_t metadata_hash() const { return epoch_ ? epoch_->metadata_hash : 0; }
  [[nodiscard]] std::int32_t assignment_epoch() const {
    return target_epoch_ ? target_epoch_->assignment_epoch : 1;
  }
  /// When the target was made, since 1970; 0 when it never was.
  [[nodiscard]] std::int64_t assignment_unix_ms() const {
    return target_epoch_ ? target_epoch_->assignment_timestamp : 0;
  }
  [[nodiscard]] const member_map& members() const { return members_; }
  [[nodiscard]] const consumer_group_member* find(const std::string& member_id) const;
  /// The id of the static member with that instance id; null when there is none.
  [[nodiscard]] const std::string* member_of_instance(const std::string& instance_id) const;
  [[nodiscard]] const topic_partitions& target_of(const std::string& member_id) const;
  [[nodiscard]] const std::map<std::string, topic_partitions, std::less<>>& targets() const {
    return targets_;
  }
  /// Who holds the partition, assigned or awaiting revocation; null when it is free.
  [[nodiscard]] const consumer_group_member* owner_of(const model::topic_id& topic,
                                                      std::int32_t partition) const;
  [[nodiscard]] const std::map<std::string, resolved_pattern, std::less<>>& patterns() const {
    return patterns_;
  }
  /// Those that members subscribe by, with how many do. One may have come to nothing yet.
  [[nodiscard]] const std::map<std::string, std::size_t, std::less<>>& used_patterns() const {
    return pattern_users_;
  }
  /// How many members subscribe by that pattern.
  [[nodiscard]] std::size_t users_of_pattern(const std::string& pattern) const;
  [[nodiscard]] const std::map<std::string, std::size_t, std::less<>>& subscribed_names() const {
    return names_;
  }
  [[nodiscard]] std::size_t classic_member_count() const { return classic_members_; }
  [[nodiscard]] group_state state() const;
  /// Names and what the patterns in use matched: ascending, each once.
  [[nodiscard]] std::vector<std::string> subscribed_topics() const;
  [[nodiscard]] std::vector<std::string> subscribed_topics_of(const consumer_group_member& member) const;
  [[nodiscard]] std::vector<group_record> tombstones() const;

 private:
  void replay_one(const consumer_group_metadata_record& record);
  void replay_one(const consumer_group_member_metadata_record& record);
  void replay_one(const consumer_group_target_assignment_metadata_record& record);
  void replay_one(const consumer_group_target_assignment_member_record& record);
  void replay_one(const consumer_group_current_member_assignment_record& record);
  void replay_one(const consumer_group_regular_expression_record& record);
  void count_subscription(const std::string& member_id, const consumer_group_member& member);
  void discount_subscription(const std::string& member_id, const consumer_group_member& member);
  void own(const consumer_group_member& member, const held_partitions& held);
  void disown(const consumer_group_member& member, const held_partitions& held);

  std::string group_id_;
  std::optional<consumer_group_metadata_value> epoch_;
  std::optional<consumer_group_target_assignment_metadata_value> target_epoch_;
  member_map members_;
  std::map<std::string, topic_partitions, std::less<>> targets_;
  std::map<std::string, resolved_pattern, std::less<>> patterns_;

  // Made from the above, for looking up.
  std::map<std::string, std::string, std::less<>> instances_;
  std::map<std::string, std::size_t, std::less<>> names_;
  std::map<std::string, std::size_t, std::less<>> pattern_users_;
  std::unordered_map<model::topic_id, std::unordered_map<std::int32_t, const consumer_group_member*>> owners_;
  std::size_t classic_members_ = 0;
};

// Making records.

[[nodiscard]] consumer_group_current_member_assignment_value to_value(const member_assignment& from);
[[nodiscard]] member_assignment from_value(const consumer_group_current_member_assignment_value& value);
[[nodiscard]] consumer_group_target_assignment_member_value to_value(const topic_partitions& from);

}  // namespace tidelog::coordinator
