#pragma once
// What AlterConfigs and IncrementalAlterConfigs have in common: the edits are done, each resource is answered in a row.

#include "config_edits.hpp"
#include "request.hpp"

namespace tidelog::server {

/// Waits for the disk.
template <class Response>
void edit_and_answer(request of, const std::vector<resource_edit>& edits, edit_start start,
                     bool validate_only) {
  Response answer;
  auto refusals =
      edit_configs(of.owner(), edits, start, validate_only ? edit_effect::only_check : edit_effect::change);
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

}  // namespace tidelog::server
