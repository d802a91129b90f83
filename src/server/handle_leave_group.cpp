#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/leave_group.hpp"

namespace tidelog::server {
namespace {

/// From here on a request lists members, each with its own error.
constexpr std::int16_t lists_members_since = 3;

void answer(request of, coordinator::leave_answer&& left) {
  protocol::leave_group_response response;
  response.error_code = error_code_of(left.error);
  if (of.version() < lists_members_since) {
    if (!left.error && !left.members.empty()) response.error_code = error_code_of(left.members.front().error);
  } else {
    for (auto& each : left.members) {
      response.members.push_back(
          {std::move(each.member_id), std::move(each.instance_id), error_code_of(each.error)});
    }
  }
  of.answer(response);
}

}  // namespace

void handle_leave_group(request of, protocol::leave_group_request message) {
  of.release_frame();
  coordinator::leave_request leave;
  leave.group_id = std::move(message.group_id);
  if (of.version() < lists_members_since) {
    leave.members.push_back({std::move(message.member_id), std::nullopt, {}});
  } else {
    for (auto& each : message.members) {
      leave.members.push_back({std::move(each.member_id), std::move(each.group_instance_id),
                               std::move(each.reason).value_or("")});
    }
  }
  auto& groups = of.environment().groups;
  groups.leave(std::move(leave), [of = std::move(of)](coordinator::leave_answer left) mutable {
    answer(std::move(of), std::move(left));
  });
}

}  // namespace tidelog::server
