#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/sync_group.hpp"

namespace tidelog::server {
namespace {

/// From here on members say which protocol they were told, and must.
constexpr std::int16_t names_protocol_since = 5;

}  // namespace

void handle_sync_group(request of, protocol::sync_group_request message) {
  of.release_frame();
  if (of.version() >= names_protocol_since && (!message.protocol_type || !message.protocol_name)) {
    protocol::sync_group_response refused;
    refused.error_code = protocol::error_code::inconsistent_group_protocol;
    of.answer(refused);
    return;
  }
  coordinator::sync_request sync;
  sync.group_id = std::move(message.group_id);
  sync.generation = message.generation_id;
  sync.member_id = std::move(message.member_id);
  sync.instance_id = std::move(message.group_instance_id);
  sync.protocol_type = std::move(message.protocol_type);
  sync.protocol_name = std::move(message.protocol_name);
  for (auto& each : message.assignments) {
    sync.assignments.push_back({std::move(each.member_id), std::move(each.assignment)});
  }
  auto& groups = of.environment().groups;
  groups.sync(std::move(sync), [of = std::move(of)](coordinator::sync_answer synced) mutable {
    protocol::sync_group_response response;
    response.error_code = error_code_of(synced.error);
    response.protocol_type = std::move(synced.protocol_type);
    response.protocol_name = std::move(synced.protocol_name);
    response.assignment = std::move(synced.assignment);
    of.answer(response);
  });
}

}  // namespace tidelog::server
