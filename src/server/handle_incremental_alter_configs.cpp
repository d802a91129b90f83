#include "config_edits.hpp"
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
  protocol::incremental_alter_configs_response answer;
  const auto edits = edits_of(message);
  auto refusals = edit_configs(of.owner(), edits, edit_start::current,
                               message.validate_only ? edit_effect::only_check : edit_effect::change);
  for (std::size_t i = 0; i < edits.size(); ++i) {
    auto& row = answer.responses.emplace_back();
    row.resource_type = edits[i].type;
    row.resource_name = edits[i].name;
    if (!refusals[i]) continue;
    row.error_code = refusals[i]->code;
    row.error_message = std::move(refusals[i]->why);
  }
  of.answer(answer);
}

}  // namespace

void handle_incremental_alter_configs(request of, protocol::incremental_alter_configs_request message) {
  on_worker(std::move(of), std::move(message), incremental_alter_configs);
}

}  // namespace tidelog::server
