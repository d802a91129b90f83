#include "classic_members.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace tidelog::coordinator {

const bytes* classic_member::metadata_of(std::string_view protocol) const {
  const auto found = std::find_if(protocols.begin(), protocols.end(),
                                  [&](const group_protocol& offered) { return offered.name == protocol; });
  return found == protocols.end() ? nullptr : &found->metadata;
}

classic_member* classic_members::find(std::string_view member_id) {
  const auto found = by_id_.find(member_id);
  return found == by_id_.end() ? nullptr : &found->second;
}

const classic_member* classic_members::find(std::string_view member_id) const {
  const auto found = by_id_.find(member_id);
  return found == by_id_.end() ? nullptr : &found->second;
}

classic_member* classic_members::find_static(std::string_view instance_id) {
  const auto found = static_ids_.find(instance_id);
  return found == static_ids_.end() ? nullptr : find(found->second);
}

const classic_member* classic_members::find_static(std::string_view instance_id) const {
  const auto found = static_ids_.find(instance_id);
  return found == static_ids_.end() ? nullptr : find(found->second);
}

classic_member& classic_members::add(classic_member member) {
  if (member.instance_id) {
    const bool is_free = static_ids_.emplace(*member.instance_id, member.member_id).second;
    TIDELOG_ASSERT(is_free);
  }
  for (const auto& protocol : member.protocols) ++offers_[protocol.name];
  std::string member_id = member.member_id;
  const auto [place, is_new] = by_id_.emplace(std::move(member_id), std::move(member));
  TIDELOG_ASSERT(is_new);
  return place->second;
}

void classic_members::remove(const std::string& member_id) {
  const auto found = by_id_.find(member_id);
  if (found == by_id_.end()) return;
  TIDELOG_ASSERT(!found->second.parked_join);
  set_protocols(found->second, {});
  if (found->second.instance_id) static_ids_.erase(*found->second.instance_id);
  by_id_.erase(found);
}

void classic_members::clear() {
  by_id_.clear();
  static_ids_.clear();
  offers_.clear();
  waiting_for_join_ = 0;
}

void classic_members::set_protocols(classic_member& member, std::vector<group_protocol> protocols) {
  for (const auto& protocol : member.protocols) {
    const auto offered = offers_.find(protocol.name);
    if (--offered->second == 0) offers_.erase(offered);
  }
  for (const auto& protocol : protocols) ++offers_[protocol.name];
  member.protocols = std::move(protocols);
}

classic_member& classic_members::rename(const std::string& member_id, std::string new_id) {
  auto node = by_id_.extract(member_id);
  TIDELOG_ASSERT(!node.empty());
  auto& member = node.mapped();
  member.member_id = new_id;
  if (member.instance_id) static_ids_[*member.instance_id] = new_id;
  node.key() = std::move(new_id);
  const auto placed = by_id_.insert(std::move(node));
  TIDELOG_ASSERT(placed.inserted);
  return placed.position->second;
}

reply<join_answer> classic_members::park_join(classic_member& member, reply<join_answer> parked) {
  if (!member.parked_join) ++waiting_for_join_;
  return std::exchange(member.parked_join, std::move(parked));
}

reply<join_answer> classic_members::take_join(classic_member& member) {
  if (member.parked_join) --waiting_for_join_;
  return std::exchange(member.parked_join, {});
}

bool classic_members::all_offer_one_of(const std::vector<group_protocol>& protocols) const {
  if (empty()) return true;
  return std::any_of(protocols.begin(), protocols.end(), [&](const group_protocol& protocol) {
    const auto offered = offers_.find(protocol.name);
    return offered != offers_.end() && offered->second == size();
  });
}

std::optional<std::string> classic_members::elect_protocol(
    const classic_member* replaced, const std::vector<group_protocol>* protocols) const {
  const auto list_of = [&](const classic_member& member) -> const std::vector<group_protocol>& {
    return &member == replaced ? *protocols : member.protocols;
  };
  auto offers = offers_;
  if (replaced != nullptr) {
    for (const auto& protocol : replaced->protocols) --offers[protocol.name];
    for (const auto& protocol : *protocols) ++offers[protocol.name];
  }
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [member_id, member] : by_id_) {
    const auto& list = list_of(member);
    const auto choice = std::find_if(list.begin(), list.end(), [&](const group_protocol& protocol) {
      const auto offered = offers.find(protocol.name);
      return offered != offers.end() && offered->second == size();
    });
    if (choice != list.end()) ++votes[choice->name];
  }
  const auto most = std::max_element(votes.begin(), votes.end(), [](const auto& left, const auto& right) {
    return left.second < right.second;
  });
  if (most == votes.end()) return std::nullopt;
  return std::string(most->first);
}

std::int32_t classic_members::rebalance_timeout_ms() const {
  std::int32_t longest = 0;
  for (const auto& [member_id, member] : by_id_) longest = std::max(longest, member.rebalance_timeout_ms);
  return longest;
}

std::vector<group_protocol> distinct_protocols(std::vector<group_protocol> protocols) {
  std::set<std::string> seen;
  std::erase_if(protocols,
                [&](const group_protocol& protocol) { return !seen.insert(protocol.name).second; });
  return protocols;
}

}  // namespace tidelog::coordinator
