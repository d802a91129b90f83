#pragma once
// The members of a classic group and what follows from who they are: votes, static ids, how many wait. No rules of the
// protocol; those are classic_group's.

#include "group_step.hpp"

#include "tidelog/coordinator/group_types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::coordinator {

/// What is known of a member apart from its waiting requests and timers; what a group of the other kind is made of.
struct classic_member_state {
  std::string member_id;
  std::optional<std::string> instance_id;
  client_identity client;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  /// In the member's order of preference, each name once.
  std::vector<group_protocol> protocols;
  bytes assignment;
};

struct classic_member : classic_member_state {
  /// When the session ends; counts while nothing of the member is parked, or the member is new.
  steady_ms session_deadline = no_deadline;
  reply<join_answer> parked_join;
  reply<sync_answer> parked_sync;
  /// Joined, and not yet in any generation: a client that went away before it knew its id is not waited for for ever.
  bool is_new = false;
  /// In the generation, and has not asked for its assignment yet.
  bool owes_sync = false;

  [[nodiscard]] bool is_static() const { return instance_id.has_value(); }
  /// A request that waits here is as good as a heartbeat.
  [[nodiscard]] bool is_kept_alive() const { return !is_new && (parked_join || parked_sync); }
  /// The subscription for a protocol; null where the member does not offer it.
  [[nodiscard]] const bytes* metadata_of(std::string_view protocol) const;
};

/// Answers nobody: who removes or replaces a member has answered its parked requests before. References to members
/// hold until that member is removed or replaced.
class classic_members {
 public:
  using map = std::map<std::string, classic_member, std::less<>>;

  [[nodiscard]] bool empty() const { return by_id_.empty(); }
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] map& all() { return by_id_; }
  [[nodiscard]] const map& all() const { return by_id_; }
  [[nodiscard]] classic_member* find(std::string_view member_id);
  [[nodiscard]] const classic_member* find(std::string_view member_id) const;
  /// The member that holds a static id; null where nobody does.
  [[nodiscard]] classic_member* find_static(std::string_view instance_id);
  [[nodiscard]] const classic_member* find_static(std::string_view instance_id) const;

  /// Neither its id nor its instance id is taken.
  classic_member& add(classic_member member);
  void remove(const std::string& member_id);
  void clear();
  void set_protocols(classic_member& member, std::vector<group_protocol> protocols);
  /// The same member under another id.
  classic_member& rename(const std::string& member_id, std::string new_id);

  /// The names that all members offer: does one of `protocols` stand among them? True without members.
  [[nodiscard]] bool all_offer_one_of(const std::vector<group_protocol>& protocols) const;
  /// Every member votes for the first of its protocols that all offer; most votes win, of equals the lesser name.
  /// `replaced` votes with `protocols` instead of its own. Nothing where no protocol is offered by all.
  [[nodiscard]] std::optional<std::string> elect_protocol(
      const classic_member* replaced = nullptr, const std::vector<group_protocol>* protocols = nullptr) const;

  /// Lets a join wait in its member; gives back one that waited there before.
  [[nodiscard]] reply<join_answer> park_join(classic_member& member, reply<join_answer> parked);
  /// The join that waits, which is then no longer parked; empty where none does.
  [[nodiscard]] reply<join_answer> take_join(classic_member& member);
  [[nodiscard]] std::size_t waiting_for_join() const { return waiting_for_join_; }
  /// The longest that a member may take to rejoin; 0 without members.
  [[nodiscard]] std::int32_t rebalance_timeout_ms() const;

 private:
  map by_id_;
  /// Instance id to member id.
  std::map<std::string, std::string, std::less<>> static_ids_;
  /// How many members offer a protocol.
  std::map<std::string, std::size_t, std::less<>> offers_;
  std::size_t waiting_for_join_ = 0;
};

/// Each name once, its first mention.
[[nodiscard]] std::vector<group_protocol> distinct_protocols(std::vector<group_protocol> protocols);

}  // namespace tidelog::coordinator
