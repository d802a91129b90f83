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

#include "consumer_group_state.hpp"
#include "group_step.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidelog::coordinator {

class classic_group;

class consumer_group {
 public:
  explicit consumer_group(std::string group_id);

  /// The group that a classic group with members becomes when its first member of the new protocol comes. Nothing is
  /// written yet: the classic group stays as it is until the returned group was written (is_written()) by the event
  /// that it is then given. Refused with group_not_found where the migration policy, the protocol type or the sizes
  /// do not allow it, or the members' bytes cannot be read.
  [[nodiscard]] static base::result<std::unique_ptr<consumer_group>> from_classic(
      const classic_group& classic, const group_settings& settings, const topic_catalog& topics);
  /// Tombstones of what this group takes the place of (an empty group of the other kind): its first write begins with
  /// them.
  void begin_with(std::vector<group_record> records);

  /// For run time and loading: the only way that state changes. Records of other kinds do nothing.
  void replay(const group_record& record);
  /// After loading: deadlines begin anew.
  void loaded(group_step& step);

  // Events. Every request is answered within the call: nothing waits in this state machine, so nothing has to be given
  // up. A change of the topics is noticed by the next heartbeat of any member (topic_catalog::version()).

  void consumer_heartbeat(group_step& step, const consumer_heartbeat_request& request,
                          reply<consumer_heartbeat_answer> to);
  /// Of a classic member. Does not take `to` when the join made the group a classic one (see take_successor()): it is
  /// then for that one to answer.
  void join(group_step& step, const join_request& request, reply<join_answer>& to);
  void sync(group_step& step, const sync_request& request, reply<sync_answer> to);
  void heartbeat(group_step& step, const heartbeat_request& request, reply<heartbeat_answer> to);
  void leave(group_step& step, const leave_request& request, reply<leave_answer> to);
  /// Does what is due by now.
  void advance(group_step& step);
  /// The earliest time at which something may be due.
  [[nodiscard]] std::optional<steady_ms> next_deadline_ms() const;

  /// Set by the event that removed the last member of the new protocol: what the group, now classic, begins with. This
  /// group's tombstones and that record are written; this object is done with. The classic group replays the record
  /// and rebalances.
  [[nodiscard]] std::optional<group_metadata_record> take_successor();

  // Questions.

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
  /// How often the group epoch has risen at run time.
  [[nodiscard]] std::uint64_t rebalance_count() const { return rebalance_count_; }
  /// Of everything the group has written, in the order in which they are to be written when it is deleted.
  [[nodiscard]] std::vector<group_record> tombstones() const { return state_.tombstones(); }
  /// Empty, or why the commit is refused: unknown_member, stale_member_epoch, illegal_generation (classic members).
  [[nodiscard]] std::error_code check_commit(const commit_request& request,
                                             const topic_catalog& topics) const;
  [[nodiscard]] std::error_code check_fetch(const fetch_offsets_request& request) const;

 private:
  consumer_group_state state_;
  std::vector<group_record> unwritten_;
  std::uint64_t rebalance_count_ = 0;
};

}  // namespace tidelog::coordinator
