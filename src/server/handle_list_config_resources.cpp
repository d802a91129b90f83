#include "handlers.hpp"

#include "tidelog/protocol/list_config_resources.hpp"

#include <algorithm>
#include <array>

namespace tidelog::server {
namespace {

using protocol::error_code;
using protocol::resource_type;

/// In the order they are answered in.
constexpr std::array listed_types{resource_type::client_metrics, resource_type::broker,
                                  resource_type::broker_logger, resource_type::topic, resource_type::group};

bool is_listed(resource_type type) {
  return std::find(listed_types.begin(), listed_types.end(), type) != listed_types.end();
}

/// Brokers and topics are there with or without configs of their own; the other kinds exist by having some.
void add_resources(const request& of, resource_type type, std::vector<protocol::config_resource>& found) {
  const auto image = of.image();
  if (type == resource_type::broker) {
    found.push_back({std::to_string(of.owner().settings.node_id.value()), type});
  } else if (type == resource_type::topic) {
    for (const auto& topic : image->topics()) found.push_back({topic->name, type});
  } else {
    for (const auto& configured : image->configured_resources()) {
      if (static_cast<std::int8_t>(configured.type) == static_cast<std::int8_t>(type)) {
        found.push_back({configured.name, type});
      }
    }
  }
}

}  // namespace

void handle_list_config_resources(request of, protocol::list_config_resources_request message) {
  protocol::list_config_resources_response answer;
  auto wanted = std::move(message.resource_types);
  if (of.version() == 0) wanted = {resource_type::client_metrics};
  if (!std::all_of(wanted.begin(), wanted.end(), is_listed)) {
    answer.error_code = error_code::unsupported_version;
    of.answer(answer);
    return;
  }
  for (const auto type : listed_types) {
    const bool is_wanted = wanted.empty() || std::find(wanted.begin(), wanted.end(), type) != wanted.end();
    if (is_wanted) add_resources(of, type, answer.config_resources);
  }
  of.answer(answer);
}

}  // namespace tidelog::server
