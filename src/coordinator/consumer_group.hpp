#pragma once
// One group of the new protocol (KIP-848): the coordinator decides who reads what, and members follow at their own pace.
//
// Three numbers make it work. The *group epoch* rises when members or topics change; the *target assignment* is made for
// a group epoch; a member's epoch tells which target it has reached. A heartbeat brings a member one step on: it first
// gives back what it is not to have any more (unrevoked_partitions), then gets what is free of what it is to have
// (unreleased_partitions while others still hold some of it), and is stable in the end. A partition belongs to the
// member in whose current assignment it is, assigned or awaiting revocation, so it never has two owners.
//
// Members of the classic protocol may be in the group too (live migration): they get the same assignments, in the bytes
// of the clients' own "consumer" protocol, by joining and syncing.
//
// A group that is not there is an object without records: the shard makes one for an event and keeps it if it is_there()
// afterwards. Not thread safe; the shard's events come one at a time.

#include "classic_group.hpp"
#include "consumer_group_change.hpp"
#include "consumer_group_reconcile.hpp"
#include "consumer_group_state.hpp"
#include "group_step.hpp"

#include "tidelog/base/result.hpp"
#include "tidelog/coordinator/group_error.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::coordinator {

/// By pattern, all of them in the topics of one version.
using pattern_resolutions = std::map<std::string, pattern_resolution, std::less<>>;

class consumer_group {
 public:
  explicit consumer_group(std::string group_id);

  /// The group that a classic group with members becomes when its first member of the new protocol comes. Nothing is
  /// written yet: the classic group stays as it is until the returned group was written (is_written()) by the event
  /// that it is then given. Refused with group_not_found where the migration policy, the protocol type or the sizes
  /// do not allow it, or the members' bytes cannot be read.
  [[nodiscard]] static base::result<std::unique_ptr<consumer_group>> from_classic(
      const classic_group_state& classic, const group_settings& settings, const topic_catalog& topics);
  /// Tombstones of what this group takes the place of (an empty group of the other kind): its first write begins with
  /// them.
  void begin_with(std::vector<group_record> records);

  /// For run time and loading: the only way that state changes. Records of other kinds do nothing.
  void replay(const group_record& record);
  /// After loading: deadlines begin anew.
  void loaded(group_step& step);

  // Events. Every request is answered within the call: nothing waits in this state machine, so nothing has to be given
  // up. A change of the topics is noticed by the next heartbeat of any member (topic_catalog::version()); what patterns
  // come to is found out elsewhere, because it may take long.

  void consumer_heartbeat(group_step& step, const consumer_heartbeat_request& request,
                          reply<consumer_heartbeat_answer> to);
  /// Of a classic member. Does not take `to` when the join made the group a classic one (see take_successor()): it is
  /// then for that one to answer.
  void join(group_step& step, const join_request& request, reply<join_answer>& to);
  void sync(group_step& step, const sync_request& request, reply<sync_answer> to);
  void heartbeat(group_step& step, const heartbeat_request& request, reply<heartbeat_answer> to);
  void leave(group_step& step, const leave_request& request, reply<leave_answer> to);
  /// What patterns in use come to now; others are passed over. Fails like group_step::write.
  [[nodiscard]] std::error_code patterns_resolved(group_step& step, const pattern_resolutions& resolved);
  /// Does what is due by now.
  void advance(group_step& step);
  /// The earliest time at which something may be due; no_deadline when nothing ever is.
  [[nodiscard]] steady_ms next_deadline_ms() const { return next_deadline_; }

  /// Set by the event that removed the last member of the new protocol: the group that takes this one's place. Its
  /// record and this group's tombstones are written, and this object is done with. It is to be told
  /// on_takeover(after_takeover::rebalances).
  [[nodiscard]] std::unique_ptr<classic_group> take_successor() { return std::move(successor_); }

  // Questions.

  /// All that the group's records say.
  [[nodiscard]] const consumer_group_state& content() const { return state_; }
  /// Whether the group has records: it exists.
  [[nodiscard]] bool is_there() const { return state_.is_there(); }
  /// Whether all that the group is made of is in the log.
  [[nodiscard]] bool is_written() const { return unwritten_.empty(); }
  [[nodiscard]] bool is_empty() const { return state_.members().empty(); }
  [[nodiscard]] std::size_t member_count() const { return state_.members().size(); }
  [[nodiscard]] group_state state() const { return state_.state(); }
  [[nodiscard]] const std::string& group_id() const { return state_.group_id(); }
  [[nodiscard]] bool is_subscribed_to(const std::string& topic) const;
  [[nodiscard]] group_listing listing() const;
  [[nodiscard]] consumer_description describe(const topic_catalog& topics,
                                              const group_settings& settings) const;
  /// The patterns in use, where they were not all resolved in the topics of that version.
  [[nodiscard]] std::vector<std::string> outdated_patterns(std::int64_t topics_version) const;
  /// How often the group epoch has risen at run time.
  [[nodiscard]] std::uint64_t rebalance_count() const { return rebalance_count_; }
  /// Of everything the group has written, in the order in which they are to be written when it is deleted.
  [[nodiscard]] std::vector<group_record> tombstones() const { return state_.tombstones(); }
  /// Empty, or why the commit is refused: unknown_member, stale_member_epoch, illegal_generation (classic members).
  [[nodiscard]] std::error_code check_commit(const commit_request& request, commit_kind kind,
                                             const topic_catalog& topics) const;
  [[nodiscard]] std::error_code check_fetch(const fetch_offsets_request& request) const;

 private:
  /// One event's passage: what it changes, and what follows once that is written.
  struct event {
    event(group_step& at, consumer_group_state& state) : step(at), change(state) {}
    group_step& step;
    group_change change;
    std::uint64_t rebalances = 0;
    std::optional<std::int64_t> topics_version;
    std::optional<std::int64_t> patterns_version;
    std::unique_ptr<classic_group> successor;
  };
  struct member_deadlines {
    steady_ms session = no_deadline;
    /// For giving partitions back.
    steady_ms rebalance = no_deadline;
    /// Of classic members: for joining again once told to, and for the sync after the join.
    steady_ms join = no_deadline;
    steady_ms sync = no_deadline;
    [[nodiscard]] steady_ms earliest() const;
  };

  // consumer_group.cpp
  [[nodiscard]] std::error_code finish(event& of);
  void set_deadline(steady_ms& which, steady_ms to);
  void keep_alive(const group_step& step, const std::string& member_id);
  void expect_revocation(const group_step& step, const std::string& member_id,
                         const member_assignment& before);
  /// Removes the member; false when that could not be written.
  [[nodiscard]] bool fence(group_step& step, const std::string& member_id);

  // consumer_group_heartbeat.cpp
  [[nodiscard]] base::result<std::string> admit(event& of, const consumer_heartbeat_request& request);
  [[nodiscard]] base::result<std::string> admit_static(event& of, const consumer_heartbeat_request& request,
                                                       std::string member_id);
  [[nodiscard]] base::result<consumer_heartbeat_answer> serve(group_step& step,
                                                              const consumer_heartbeat_request& request);
  [[nodiscard]] base::result<consumer_heartbeat_answer> serve_leaving(
      group_step& step, const consumer_heartbeat_request& request);
  [[nodiscard]] base::status check_room(const group_step& step, const std::string& member_id) const;

  // consumer_group_rebalance.cpp
  [[nodiscard]] subscription_change update_member(event& of, const std::string& member_id,
                                                  consumer_group_member_metadata_value metadata,
                                                  const std::optional<pattern_resolution>& resolution);
  void rename_member(event& of, const std::string& old_id, const std::string& new_id);
  void remove_members(event& of, const std::vector<std::string>& member_ids);
  void follow_topics(event& of, subscription_change change);
  void take_pattern(event& of, const std::string& pattern, const pattern_resolution& resolution) const;
  void raise_epoch(event& of, std::int64_t metadata_hash);
  [[nodiscard]] std::int64_t metadata_hash(const topic_catalog& topics) const;
  [[nodiscard]] std::string preferred_assignor(const group_settings& settings) const;
  void make_target(event& of);
  void move_member(event& of, const std::string& member_id, const std::optional<topic_partitions>& owned,
                   subscription_change change);

  // consumer_group_classic.cpp
  [[nodiscard]] static bytes classic_assignment_of(const consumer_group_member& member,
                                                   const topic_catalog& topics);
  [[nodiscard]] base::result<std::string> find_classic(const std::string& member_id,
                                                       const std::optional<std::string>& instance_id) const;
  [[nodiscard]] std::error_code check_classic_join(const group_step& step, const join_request& request) const;
  /// One name at least must be every classic member's, so that the group can become a classic one again.
  [[nodiscard]] bool has_common_protocol(const join_request& request) const;
  [[nodiscard]] base::result<std::string> admit_classic(event& of, const join_request& request);
  [[nodiscard]] base::result<join_answer> serve_join(group_step& step, const join_request& request);
  [[nodiscard]] base::result<sync_answer> serve_sync(group_step& step, const sync_request& request);
  [[nodiscard]] bool waits_for_others(const std::string& member_id,
                                      const consumer_group_member& member) const;

  // consumer_group_conversion.cpp
  /// Is that one the last member of the new protocol, and may the others go on without it?
  [[nodiscard]] bool becomes_classic_without(const group_settings& settings,
                                             const std::string& member_id) const;
  void become_classic(event& of, const std::string& without_member_id);

  consumer_group_state state_;
  /// Replayed already, and to be written with the first change.
  std::vector<group_record> unwritten_;
  std::unique_ptr<classic_group> successor_;
  std::map<std::string, member_deadlines, std::less<>> deadlines_;
  steady_ms next_deadline_ = no_deadline;
  /// The catalog's version that the group's epoch is made for.
  std::int64_t topics_version_ = -1;
  /// The oldest that one of its patterns was resolved in.
  std::int64_t patterns_version_ = -1;
  std::uint64_t rebalance_count_ = 0;
};

}  // namespace tidelog::coordinator
