#include "config_edit_answers.hpp"
#include "handlers.hpp"

#include "tidelog/protocol/incremental_alter_configs.hpp"

namespace tidelog::server {
namespace {

std::vector<resource_edit> edits_of(protocol::incremental_alter_configs_request& message) {
  std::vector<resource_edit> edits;
  for (auto& resource : message.resources) {
    auto& edit = edits.emplace_back();
    edit.type = resource.resource_type;
    edit.name = std::move(resource.resource_name);
    for (auto& config : resource.configs) {
      edit.edits.push_back({std::move(config.name), config.config_operation, std::move(config.value)});
    }
  }
  return edits;
}

void incremental_alter_configs(request of, protocol::incremental_alter_configs_request message) {
  edit_and_answer<protocol::incremental_alter_configs_response>(std::move(of), edits_of(message),
                                                                edit_start::current, message.validate_only);
}

}  // namespace

void handle_incremental_alter_configs(request of, protocol::incremental_alter_configs_request message) {
  on_worker(std::move(of), std::move(message), incremental_alter_configs);
}

}  // namespace tidelog::server
