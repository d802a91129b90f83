#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/heartbeat.hpp"

namespace tidelog::server {

void handle_heartbeat(request of, protocol::heartbeat_request message) {
  of.release_frame();
  coordinator::heartbeat_request beat{std::move(message.group_id), message.generation_id,
                                      std::move(message.member_id), std::move(message.group_instance_id)};
  auto& groups = of.environment().groups;
  groups.heartbeat(std::move(beat), [of = std::move(of)](coordinator::heartbeat_answer told) mutable {
    protocol::heartbeat_response response;
    response.error_code = error_code_of(told.error);
    of.answer(response);
  });
}

}  // namespace tidelog::server
