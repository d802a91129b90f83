#include "config_resources.hpp"
#include "handlers.hpp"
#include "topic_names.hpp"

#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/protocol/describe_configs.hpp"

#include <algorithm>
#include <set>

namespace tidelog::server {
namespace {

using metadata::config_scope;
using protocol::error_code;
using protocol::resource_type;

/// How much is told of each config.
struct detail {
  bool synonyms;
  bool documentation;
};

void refuse(protocol::describe_configs_result& answer, error_code code, std::string why) {
  answer.error_code = code;
  answer.error_message = std::move(why);
}

protocol::describe_configs_resource_result row_of(metadata::config_entry entry, const detail& told) {
  protocol::describe_configs_resource_result row;
  row.name = entry.key->name;
  row.value = std::move(entry.value);
  row.read_only = entry.is_read_only();
  row.config_source = static_cast<protocol::config_source>(entry.source);
  row.is_sensitive = entry.key->is_sensitive();
  row.config_type = static_cast<protocol::config_type>(entry.key->type);
  if (told.documentation) row.documentation = entry.key->documentation;
  if (told.synonyms) {
    for (auto& synonym : entry.synonyms) {
      row.synonyms.push_back({std::string(synonym.name), std::move(synonym.value),
                              static_cast<protocol::config_source>(synonym.source)});
    }
  }
  return row;
}

/// The keys of `scope` that are asked for; no names at all ask for every key, unknown ones are passed over.
std::vector<const metadata::config_key*> keys_of(config_scope scope,
                                                 const protocol::describe_configs_resource& asked) {
  const auto all = metadata::config_keys(scope);
  std::vector<const metadata::config_key*> keys(all.begin(), all.end());
  if (!asked.configuration_keys || asked.configuration_keys->empty()) return keys;
  const std::set<std::string_view> names(asked.configuration_keys->begin(), asked.configuration_keys->end());
  std::erase_if(keys, [&](const metadata::config_key* key) { return !names.contains(key->name); });
  return keys;
}

void describe_topic(const request& of, const protocol::describe_configs_resource& asked, const detail& told,
                    protocol::describe_configs_result& answer) {
  if (auto fault = topic_name_fault(asked.resource_name)) {
    refuse(answer, error_code::invalid_topic_exception, std::move(*fault));
    return;
  }
  const auto image = of.image();
  if (!image->topic(asked.resource_name)) {
    refuse(answer, error_code::unknown_topic_or_partition,
           fmt::format("there is no topic {}", asked.resource_name));
    return;
  }
  const auto layers = of.environment().partitions.layers(*image, asked.resource_name);
  for (const auto* key : keys_of(config_scope::topic, asked)) {
    answer.configs.push_back(row_of(metadata::describe_config(*key, layers.view()), told));
  }
}

void describe_broker(const request& of, const protocol::describe_configs_resource& asked, const detail& told,
                     protocol::describe_configs_result& answer) {
  const auto layers = of.environment().partitions.layers(*of.image(), "");
  if (asked.resource_name.empty()) {
    // The defaults of the whole cluster: what is set there, and nothing of what any one broker has.
    const metadata::config_layers set_for_all{.cluster_wide = layers.cluster_wide.get()};
    for (const auto* key : keys_of(config_scope::broker, asked)) {
      auto entry = metadata::describe_config(*key, set_for_all);
      if (entry.source != metadata::config_source::cluster_wide) continue;
      std::erase_if(entry.synonyms, [](const auto& synonym) {
        return synonym.source != metadata::config_source::cluster_wide;
      });
      answer.configs.push_back(row_of(std::move(entry), told));
    }
    return;
  }
  if (auto fault = broker_name_fault(asked.resource_name, of.owner().settings.node_id)) {
    refuse(answer, error_code::invalid_request, std::move(*fault));
    return;
  }
  for (const auto* key : keys_of(config_scope::broker, asked)) {
    answer.configs.push_back(row_of(metadata::describe_config(*key, layers.view()), told));
  }
}

/// A group has its configs whether there is such a group or not.
void describe_group(const request& of, const protocol::describe_configs_resource& asked, const detail& told,
                    protocol::describe_configs_result& answer) {
  if (asked.resource_name.empty()) {
    refuse(answer, error_code::invalid_request, "groups have no common configs of their own");
    return;
  }
  const auto image = of.image();
  const auto layers = of.environment().partitions.layers(*image, "");
  const auto own = image->config({metadata::resource_type::group, asked.resource_name});
  auto view = layers.view();
  view.group = own.get();
  for (const auto* key : keys_of(config_scope::group, asked)) {
    answer.configs.push_back(row_of(metadata::describe_config(*key, view), told));
  }
}

void describe_configs(request of, protocol::describe_configs_request message) {
  protocol::describe_configs_response answer;
  const detail told{message.include_synonyms, message.include_documentation};
  for (const auto& asked : message.resources) {
    auto& result = answer.results.emplace_back();
    result.resource_type = asked.resource_type;
    result.resource_name = asked.resource_name;
    if (asked.resource_type == resource_type::topic) {
      describe_topic(of, asked, told, result);
    } else if (asked.resource_type == resource_type::broker) {
      describe_broker(of, asked, told, result);
    } else if (asked.resource_type == resource_type::group) {
      describe_group(of, asked, told, result);
    } else {
      refuse(result, error_code::invalid_request, unserved_resource(asked.resource_type));
    }
  }
  of.answer(answer);
}

}  // namespace

void handle_describe_configs(request of, protocol::describe_configs_request message) {
  // Tools ask for every topic at once, which is too much work for a reactor.
  on_worker(std::move(of), std::move(message), describe_configs);
}

}  // namespace tidelog::server
