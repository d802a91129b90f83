#include "errors.hpp"
#include "group_words.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/join_group.hpp"

namespace tidelog::server {
namespace {

/// From here on a first join without member id is only told one.
constexpr std::int16_t tells_member_id_since = 4;
constexpr std::int16_t null_protocol_since = 7;
constexpr std::int16_t skip_assignment_since = 9;

coordinator::join_request in_own_terms(const request& of, protocol::join_group_request&& message) {
  coordinator::join_request join;
  join.group_id = std::move(message.group_id);
  join.member_id = std::move(message.member_id);
  join.instance_id = std::move(message.group_instance_id);
  join.client = identity_of(of.header().client_id.value_or(""), of.connection().client_host);
  join.protocol_type = std::move(message.protocol_type);
  for (auto& each : message.protocols)
    join.protocols.push_back({std::move(each.name), std::move(each.metadata)});
  join.session_timeout_ms = message.session_timeout_ms;
  // Version 0 knows one timeout only.
  join.rebalance_timeout_ms = of.version() == 0 ? message.session_timeout_ms : message.rebalance_timeout_ms;
  join.reason = std::move(message.reason).value_or("");
  join.without_member_id = of.version() >= tells_member_id_since ? coordinator::first_join::tells_member_id
                                                                 : coordinator::first_join::counts;
  join.leader_skips = of.version() >= skip_assignment_since ? coordinator::skip_assignment::understood
                                                            : coordinator::skip_assignment::not_understood;
  return join;
}

void answer(request of, coordinator::join_answer&& joined) {
  protocol::join_group_response response;
  response.error_code = error_code_of(joined.error);
  response.generation_id = joined.generation;
  response.protocol_type = std::move(joined.protocol_type);
  response.protocol_name = std::move(joined.protocol_name);
  if (!response.protocol_name && of.version() < null_protocol_since) response.protocol_name.emplace();
  response.leader = std::move(joined.leader_id);
  response.skip_assignment = joined.leader_skips_assignment;
  response.member_id = std::move(joined.member_id);
  for (auto& each : joined.members) {
    response.members.push_back(
        {std::move(each.member_id), std::move(each.instance_id), std::move(each.metadata)});
  }
  of.answer(response);
}

}  // namespace

void handle_join_group(request of, protocol::join_group_request message) {
  auto join = in_own_terms(of, std::move(message));
  of.release_frame();
  auto& groups = of.environment().groups;
  groups.join(std::move(join), [of = std::move(of)](coordinator::join_answer joined) mutable {
    answer(std::move(of), std::move(joined));
  });
}

}  // namespace tidelog::server
