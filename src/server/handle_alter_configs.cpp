#include "config_edit_answers.hpp"
#include "handlers.hpp"

#include "tidelog/protocol/alter_configs.hpp"

namespace tidelog::server {
namespace {

std::vector<resource_edit> edits_of(protocol::alter_configs_request& message) {
  std::vector<resource_edit> edits;
  for (auto& resource : message.resources) {
    auto& edit = edits.emplace_back();
    edit.type = resource.resource_type;
    edit.name = std::move(resource.resource_name);
    for (auto& config : resource.configs) {
      edit.edits.push_back(
          {std::move(config.name), protocol::config_operation::set, std::move(config.value)});
    }
  }
  return edits;
}

void alter_configs(request of, protocol::alter_configs_request message) {
  edit_and_answer<protocol::alter_configs_response>(std::move(of), edits_of(message), edit_start::nothing,
                                                    message.validate_only);
}

}  // namespace

void handle_alter_configs(request of, protocol::alter_configs_request message) {
  on_worker(std::move(of), std::move(message), alter_configs);
}

}  // namespace tidelog::server
