#include "tidelog/client/group_admin.hpp"

#include "tidelog/protocol/delete_groups.hpp"
#include "tidelog/protocol/list_groups.hpp"

#include <algorithm>

namespace tidelog::client {
namespace {

base::status can_filter(const connection& peer, const group_filter& filter) {
  constexpr std::int16_t first_with_states = 4;
  constexpr std::int16_t first_with_types = 5;
  const auto newest = protocol::list_groups_request::versions.max;
  if (!filter.states.empty())
    TIDELOG_DO(peer.version_of(protocol::api_key::list_groups, {first_with_states, newest}));
  if (!filter.types.empty())
    TIDELOG_DO(peer.version_of(protocol::api_key::list_groups, {first_with_types, newest}));
  return {};
}

}  // namespace

base::result<std::vector<listed_group>> list_groups(cluster& in, const group_filter& filter) {
  protocol::list_groups_request request;
  request.states_filter = filter.states;
  request.types_filter = filter.types;
  std::vector<listed_group> listed;
  for (const auto& broker : in.brokers()) {
    TIDELOG_TRY(auto got, in.retrying([&]() -> base::result<answer<protocol::list_groups_request>> {
      TIDELOG_TRY(const auto* const peer, in.to_broker(broker.id));
      TIDELOG_DO(can_filter(*peer, filter));
      TIDELOG_TRY(auto answered, in.ask(broker.id, request));
      TIDELOG_DO(check_answer(answered->error_code, "ListGroups"));
      return answered;
    }));
    for (auto& group : got->groups) {
      listed.push_back({std::move(group.group_id), std::move(group.protocol_type),
                        std::move(group.group_state), std::move(group.group_type)});
    }
  }
  std::sort(listed.begin(), listed.end(),
            [](const auto& left, const auto& right) { return left.id < right.id; });
  return listed;
}

base::result<std::vector<group_outcome>> delete_groups(cluster& in, std::span<const std::string> ids) {
  std::map<std::string, protocol::error_code> outcomes;
  std::vector<std::string> left(ids.begin(), ids.end());
  TIDELOG_DO(in.retrying([&]() -> base::status {
    TIDELOG_TRY(const auto coordinators, find_coordinators(in, left));
    std::map<model::broker_id, protocol::delete_groups_request> requests;
    for (const auto& [group, id] : coordinators) requests[id].groups_names.push_back(group);
    base::status unsettled;
    for (const auto& [id, request] : requests) {
      TIDELOG_TRY(const auto got, in.ask(id, request));
      for (const auto& result : got->results) {
        if (is_about_coordinator(result.error_code)) {
          unsettled = check_answer(result.error_code, result.group_id);
        } else {
          outcomes[result.group_id] = result.error_code;
        }
      }
    }
    std::erase_if(left, [&outcomes](const auto& id) { return outcomes.contains(id); });
    if (unsettled && !left.empty())
      return base::fail(client_errc::malformed_answer, "DeleteGroups leaves out {}", left.front());
    return unsettled;
  }));
  std::vector<group_outcome> ordered;
  for (const auto& id : ids) ordered.push_back({id, outcomes[id]});
  return ordered;
}

}  // namespace tidelog::client
