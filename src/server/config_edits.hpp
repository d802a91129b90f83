#pragma once
// Changes to the configs of topics, brokers and groups, as AlterConfigs and IncrementalAlterConfigs ask for them.

#include "broker.hpp"
#include "refusal.hpp"

#include "tidelog/protocol/values.hpp"

#include <string>
#include <vector>

namespace tidelog::server {

struct config_edit {
  std::string name;
  protocol::config_operation operation = protocol::config_operation::set;
  std::optional<std::string> value;
};

struct resource_edit {
  protocol::resource_type type = protocol::resource_type::unknown;
  std::string name;
  std::vector<config_edit> edits;
};

enum class edit_start {
  current,  ///< what is not named stays
  nothing,  ///< what is not named goes
};
enum class edit_effect { change, only_check };

/// Does what can be done of the edits, in one change of the metadata, and says for each resource why not; a resource is
/// changed as a whole or not at all. When it returns, the new values hold. Waits for the disk.
[[nodiscard]] std::vector<std::optional<refusal>> edit_configs(broker& owner,
                                                               const std::vector<resource_edit>& edits,
                                                               edit_start start, edit_effect effect);

}  // namespace tidelog::server
