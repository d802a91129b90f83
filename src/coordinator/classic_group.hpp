#pragma once
// One group of the classic protocol, in which the clients choose among themselves who assigns. A state machine: see
// group_step.hpp for what goes in and out, and docs/groups.md for the contract.
//
//   empty ──join──▶ preparing_rebalance ──all have joined, or time is up──▶ completing_rebalance
//     ▲                │        ▲                                             │            │
//     └──nobody left───┘        ├──a join, leave or lost member───────────────┘            │ leader's sync
//                               └──a join, leave or lost member──── stable ◀───────────────┘
//
// Any state becomes dead when the group is given up. What the log holds of a group is its record as of the last sync
// of a leader, the last replacement of a static member, or the last time it became empty; a broker that starts finds
// the group stable or empty accordingly.
//
// A member's record holds only the protocol that was chosen, not the others that the member offers. Replaying it would
// lose them, so that unlike elsewhere replay() is for loading only; the run-time changes write the record first and
// then do the same to memory.

#include "classic_members.hpp"
#include "committed_offsets.hpp"
#include "group_records.hpp"
#include "group_step.hpp"

#include "tidelog/coordinator/group_types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace tidelog::coordinator {

/// A group in a nutshell: what a group of the new protocol takes over at an upgrade, and gives back at a downgrade.
struct classic_group_state {
  std::string group_id;
  std::string protocol_type;
  std::int32_t generation = 0;
  /// Elected among the members where it is absent.
  std::optional<std::string> protocol_name;
  /// The first member where it is absent.
  std::optional<std::string> leader_id;
  std::vector<classic_member_state> members;
};

/// Does a group that was taken over begin with a rebalance?
enum class after_takeover { rebalances, stays_stable };

/// Not thread safe.
class classic_group {
 public:
  /// A member that joins has this long to be in its first generation.
  static constexpr std::int32_t new_member_timeout_ms = 5 * 60 * 1000;
  /// Ids told to clients that have not come back with them; more are refused.
  static constexpr std::size_t max_pending_members = 10'000;
  /// A write that a timer wanted and that was refused is tried again after this time.
  static constexpr std::int32_t write_retry_ms = 1'000;

  /// Empty and nowhere in the log yet. An event for a group that does not exist may be given to such a one: it answers
  /// as it must, and when it is_unused() afterwards it can go.
  explicit classic_group(std::string group_id);
  /// A stable group (empty without members) made from what another kind of group knew. Its record() is to be written
  /// with the other's tombstones before it takes the other's place.
  classic_group(classic_group_state from, std::int64_t unix_now_ms);
  classic_group(const classic_group&) = delete;
  classic_group& operator=(const classic_group&) = delete;

  // Events.
  void join(group_step& step, join_request request, reply<join_answer> to);
  void sync(group_step& step, sync_request request, reply<sync_answer> to);
  void heartbeat(group_step& step, const heartbeat_request& request, reply<heartbeat_answer> to);
  void leave(group_step& step, const leave_request& request, reply<leave_answer> to);
  /// May this commit be taken? A member's plain commit also counts as its heartbeat, and has to wait while the leader
  /// assigns.
  [[nodiscard]] std::error_code check_commit(group_step& step, const commit_request& request,
                                             commit_kind kind);
  /// Does what is due.
  void advance(group_step& step);
  /// Nothing is due before; may be earlier than necessary, since heartbeats only move the members' own deadlines.
  [[nodiscard]] steady_ms next_deadline_ms() const { return next_deadline_; }
  /// Answers everything that waits with `error`; the group is dead from then on and answers not_available.
  void give_up(group_step& step, std::error_code error);

  // Loading and changes of kind.
  void replay(const group_metadata_value& value);
  /// After the last replay(): sessions begin, and a group that is larger than now allowed rebalances.
  void on_loaded(group_step& step);
  /// After the group has taken the place of another kind.
  void on_takeover(group_step& step, after_takeover then);
  /// The group as it is; members' parked requests are not part of it.
  [[nodiscard]] classic_group_state snapshot() const;
  /// The group as the log is to have it.
  [[nodiscard]] group_metadata_record record() const;
  [[nodiscard]] group_metadata_record tombstone() const;

  // Questions.
  [[nodiscard]] const std::string& group_id() const { return group_id_; }
  [[nodiscard]] group_state state() const { return state_; }
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  [[nodiscard]] const std::string& protocol_type() const { return protocol_type_; }
  [[nodiscard]] bool uses_consumer_protocol() const;
  [[nodiscard]] std::size_t member_count() const { return members_.size(); }
  [[nodiscard]] bool has_member(std::string_view member_id) const {
    return members_.find(member_id) != nullptr;
  }
  /// Clients that were told an id and may come back with it.
  [[nodiscard]] bool has_pending_members() const { return !pending_.empty(); }
  /// Holds nothing and is not in the log: nobody would miss it.
  [[nodiscard]] bool is_unused() const;
  /// Rebalances that ended with an assignment, since the group is in memory.
  [[nodiscard]] std::int64_t completed_rebalances() const { return completed_rebalances_; }
  /// As far as the members' subscriptions can be read; where they cannot, a group of type "consumer" reads everything.
  [[nodiscard]] bool is_subscribed_to(const std::string& topic) const;
  /// When this group's offsets expire; nothing while they do not. Valid while the group is.
  [[nodiscard]] std::optional<offset_expiry> expiry() const;
  [[nodiscard]] group_listing listing() const;
  [[nodiscard]] classic_description describe() const;

 private:
  enum class origin { leave, timer };
  struct departures {
    std::vector<std::string> members;
    std::vector<std::string> pending;
  };

  // classic_group_join.cpp
  [[nodiscard]] std::error_code check_join(const group_step& step, const join_request& request) const;
  [[nodiscard]] bool has_room_for(const group_settings& settings, const std::string& member_id) const;
  void join_unknown(group_step& step, join_request request, reply<join_answer> to);
  void join_known(group_step& step, join_request request, reply<join_answer> to);
  void tell_member_id(group_step& step, const join_request& request, std::string member_id,
                      reply<join_answer> to);
  void add_member(group_step& step, join_request request, std::string member_id, reply<join_answer> to);
  void rejoin(group_step& step, classic_member& member, join_request request, reply<join_answer> to);
  void replace_static(group_step& step, classic_member& old, join_request request, std::string member_id,
                      reply<join_answer> to);
  void answer_replacement(group_step& step, const classic_member& member, const std::string& leader_before,
                          skip_assignment leader_skips, reply<join_answer> to);
  [[nodiscard]] join_answer generation_answer(const classic_member& member) const;
  [[nodiscard]] std::error_code write_if_new(group_step& step);

  // classic_group_sync.cpp
  [[nodiscard]] std::error_code check_member(std::string_view member_id,
                                             const std::optional<std::string>& instance_id) const;
  [[nodiscard]] std::error_code check_sync(const sync_request& request) const;
  [[nodiscard]] sync_answer assignment_answer(const classic_member& member) const;
  void sync_leader(group_step& step, sync_request request, reply<sync_answer> to);
  void answer_parked_syncs(group_step& step, std::error_code error);
  [[nodiscard]] std::error_code plan_departure(const leave_request::member& leaving, departures& plan,
                                               std::set<std::string>& planned) const;

  // classic_group_rebalance.cpp
  void keep_alive(const group_step& step, classic_member& member);
  void set_session_deadline(classic_member& member, steady_ms deadline);
  void wake_at(steady_ms deadline);
  void move_to(group_state state, std::int64_t unix_now_ms);
  void rebalance_or_complete(group_step& step);
  void prepare_rebalance(group_step& step);
  void set_join_deadline(steady_ms deadline);
  void complete_join_if_all_are_here(group_step& step);
  void complete_join(group_step& step);
  void begin_generation(group_step& step);
  [[nodiscard]] bool all_have_joined() const;
  [[nodiscard]] bool elect_joined_leader();
  [[nodiscard]] std::error_code remove(group_step& step, const departures& who, origin from);
  [[nodiscard]] bool is_empty_without(const departures& who, origin from) const;
  [[nodiscard]] std::error_code become_empty(group_step& step, const departures& who);
  void answer_parked(group_step& step, classic_member& member, std::error_code error);
  void remove_member(group_step& step, const std::string& member_id, std::error_code told);
  void advance_sessions(group_step& step);
  void advance_join(group_step& step);
  void advance_sync(group_step& step);
  void find_next_deadline();

  // classic_group.cpp
  [[nodiscard]] group_metadata_value record_value() const;
  void load_members(const group_metadata_value& value);
  void read_subscribed_topics_of_members();
  [[nodiscard]] std::int32_t next_generation() const;

  std::string group_id_;
  group_state state_ = group_state::empty;
  group_state previous_state_ = group_state::dead;
  /// When the state was entered, as the records tell it; -1 where an old record does not.
  std::int64_t state_since_unix_ms_ = -1;
  std::int32_t generation_ = 0;
  /// Empty until the first member has joined.
  std::string protocol_type_;
  std::optional<std::string> protocol_name_;
  std::optional<std::string> leader_id_;
  classic_members members_;
  /// Ids that were told, and until when they hold.
  std::map<std::string, steady_ms, std::less<>> pending_;
  /// Sorted; absent where the subscriptions could not be read or are nobody's business.
  std::optional<std::vector<std::string>> subscribed_topics_;

  /// The end of the time to join.
  steady_ms join_deadline_ = no_deadline;
  /// Of the first rebalance of an empty group: it waits for more members, each time this long, as long as some come.
  struct initial_delay {
    std::int32_t current_ms = 0;
    std::int32_t remaining_ms = 0;
    bool member_came = false;
  };
  std::optional<initial_delay> initial_delay_;
  /// The end of the time to ask for assignments.
  steady_ms sync_deadline_ = no_deadline;
  steady_ms next_deadline_ = no_deadline;

  std::int64_t completed_rebalances_ = 0;
  bool is_in_log_ = false;
};

}  // namespace tidelog::coordinator
