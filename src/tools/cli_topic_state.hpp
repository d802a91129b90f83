#pragma once
// What `tidelog topic describe` shows.

#include <nlohmann/json_fwd.hpp>

#include "tidelog/client/admin.hpp"

#include <map>
#include <string>
#include <vector>

namespace tidelog::tools {

struct topic_state {
  client::topic_metadata topic;
  /// Of partitions that have a leader.
  std::map<model::partition_index, model::offset> begin;
  std::map<model::partition_index, model::offset> end;
  /// Of the others, where somebody tells.
  std::map<model::partition_index, std::string> why_unavailable;
  std::vector<client::config_entry> configs;  ///< those that the topic sets itself
};

[[nodiscard]] base::result<topic_state> look_at_topic(client::cluster& cluster, const std::string& name);
[[nodiscard]] nlohmann::json to_json(const topic_state& state);
[[nodiscard]] base::status print_topic_state(const topic_state& state);

}  // namespace tidelog::tools
