#include "config_edits.hpp"

#include "config_resources.hpp"
#include "errors.hpp"
#include "topic_names.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/metadata/config_effective.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace tidelog::server {
namespace {

using metadata::config_key;
using metadata::config_map;
using metadata::config_scope;
using protocol::config_operation;
using protocol::error_code;
using protocol::resource_type;

using layers_of_resource = partition::partition_manager::layers_of_topic;

/// One resource on its way from the values it has to those it gets.
struct editing {
  const resource_edit& asked;
  const metadata::image& before;
  config_scope scope;
  metadata::resource resource;
  layers_of_resource layers;

  [[nodiscard]] bool is_broker() const { return scope == config_scope::broker; }
  [[nodiscard]] bool is_cluster_wide() const { return is_broker() && asked.name.empty(); }
  /// What an impossible value is to the protocol.
  [[nodiscard]] error_code fault_code() const {
    return is_broker() ? error_code::invalid_request : error_code::invalid_config;
  }
  /// All values that bear on the resource, with `own` for those that it has itself.
  [[nodiscard]] metadata::config_layers with(const config_map& own) const {
    auto view = layers.view();
    if (scope == config_scope::topic) {
      view.topic = &own;
    } else if (scope == config_scope::group) {
      view.group = &own;
    } else if (is_cluster_wide()) {
      view.broker = nullptr;
      view.cluster_wide = &own;
    } else {
      view.broker = &own;
    }
    return view;
  }
};

/// Of a resource that check_resource() lets pass.
config_scope scope_of(resource_type type) {
  if (type == resource_type::topic) return config_scope::topic;
  return type == resource_type::group ? config_scope::group : config_scope::broker;
}

std::optional<refusal> check_resource(const broker& owner, const metadata::image& before,
                                      const resource_edit& asked) {
  if (asked.type == resource_type::broker) {
    if (asked.name.empty()) return std::nullopt;
    auto fault = broker_name_fault(asked.name, owner.settings.node_id);
    if (!fault) return std::nullopt;
    return refusal{error_code::invalid_request, std::move(*fault)};
  }
  if (asked.type == resource_type::group) {
    if (!asked.name.empty()) return std::nullopt;
    return refusal{error_code::invalid_request, "groups have no common configs of their own"};
  }
  if (asked.type != resource_type::topic)
    return refusal{error_code::invalid_request, unserved_resource(asked.type)};
  if (asked.name.empty())
    return refusal{error_code::invalid_request, "topics have no common configs of their own"};
  if (auto fault = topic_name_fault(asked.name))
    return refusal{error_code::invalid_topic_exception, std::move(*fault)};
  if (before.topic(asked.name)) return std::nullopt;
  return refusal{error_code::unknown_topic_or_partition, fmt::format("there is no topic {}", asked.name)};
}

/// What is wrong with the edits whatever they are about.
std::optional<refusal> check_form(const std::vector<config_edit>& edits) {
  std::set<std::string_view> names;
  for (const auto& edit : edits) {
    if (!names.insert(edit.name).second) {
      return refusal{error_code::invalid_request, fmt::format("{} is named twice", edit.name)};
    }
    switch (edit.operation) {
      case config_operation::set:
      case config_operation::append:
      case config_operation::subtract:
        if (edit.value) break;
        return refusal{error_code::invalid_request, fmt::format("{} has no value", edit.name)};
      case config_operation::remove:
        break;
      default:
        // Kafka's answer to an operation that it does not know.
        return refusal{error_code::unknown_server_error,
                       fmt::format("there is no config operation {}", static_cast<int>(edit.operation))};
    }
  }
  return std::nullopt;
}

/// Whether the broker takes the key from a request at all.
std::optional<refusal> check_changeable(const editing& of, const config_key& key) {
  if (!of.is_broker()) return std::nullopt;
  if (key.update == metadata::config_update::read_only) {
    return refusal{
        error_code::invalid_request,
        fmt::format("{} cannot be changed while the broker runs; it is set in the configuration file",
                    key.name)};
  }
  if (of.is_cluster_wide() && key.update == metadata::config_update::per_broker) {
    return refusal{error_code::invalid_request,
                   fmt::format("{} is set for each broker and not for all of them", key.name)};
  }
  return std::nullopt;
}

std::optional<refusal> apply_edit(const editing& of, const config_edit& edit, config_map& own) {
  if (edit.operation == config_operation::remove) {
    own.erase(edit.name);
    return std::nullopt;
  }
  const auto* const key = metadata::find_config_key(of.scope, edit.name);
  if (key == nullptr)
    return refusal{of.fault_code(), metadata::unknown_config_key_message(of.scope, edit.name)};
  if (auto refused = check_changeable(of, *key)) return refused;
  const auto value = [&]() -> base::result<std::string> {
    if (edit.operation == config_operation::set) return metadata::parse_config_value(*key, *edit.value);
    const auto current = metadata::effective_config_text(*key, of.with(own)).value_or("");
    return edit.operation == config_operation::append
               ? metadata::append_to_config_list(*key, current, *edit.value)
               : metadata::subtract_from_config_list(*key, current, *edit.value);
  }();
  if (value) {
    own.insert_or_assign(edit.name, *value);
    return std::nullopt;
  }
  const bool is_no_list = value.error().code == metadata::config_errc::not_a_list;
  return refusal{is_no_list ? error_code::invalid_config : of.fault_code(), value.error().context};
}

std::optional<refusal> check_together(const editing& of, const config_map& own,
                                      const config_map& own_before) {
  const auto layers = of.with(own);
  const auto fits = [&] {
    switch (of.scope) {
      case config_scope::topic:
        return metadata::check_topic_configs_together(layers);
      case config_scope::group:
        return metadata::check_group_configs_together(layers);
      case config_scope::broker:
        break;
    }
    return metadata::check_broker_configs_together(layers);
  }();
  if (!fits) return refusal{of.fault_code(), fits.error().context};
  // A cluster that this directory may move to stands on the value while the feature is on.
  constexpr std::string_view least_in_sync = "min.insync.replicas";
  if (of.is_cluster_wide() && own_before.contains(least_in_sync) && !own.contains(least_in_sync) &&
      of.before.feature_level("eligible.leader.replicas.version") > 0) {
    return refusal{error_code::invalid_config,
                   fmt::format("{} of the whole cluster can be changed, but not removed", least_in_sync)};
  }
  return std::nullopt;
}

void add_differences(const metadata::resource& resource, const config_map& before, const config_map& after,
                     std::vector<metadata::record>& records) {
  const auto type = static_cast<std::int8_t>(resource.type);
  for (const auto& [name, value] : before) {
    if (!after.contains(name))
      records.emplace_back(metadata::config_record{type, resource.name, name, std::nullopt});
  }
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    if (old == before.end() || old->second != value) {
      records.emplace_back(metadata::config_record{type, resource.name, name, value});
    }
  }
}

std::optional<refusal> plan_edit(const broker& owner, const metadata::image& before,
                                 const resource_edit& asked, edit_start start,
                                 std::vector<metadata::record>& records) {
  if (auto refused = check_resource(owner, before, asked)) return refused;
  if (auto refused = check_form(asked.edits)) return refused;
  const auto scope = scope_of(asked.type);
  const auto layers_of = scope == config_scope::topic ? asked.name : "";
  const editing of{asked,
                   before,
                   scope,
                   {static_cast<metadata::resource_type>(asked.type), asked.name},
                   owner.environment.partitions.layers(before, layers_of)};
  const auto own_before = before.config(of.resource);
  auto own = start == edit_start::current ? *own_before : config_map{};
  for (const auto& edit : asked.edits) {
    if (auto refused = apply_edit(of, edit, own)) return refused;
  }
  if (auto refused = check_together(of, own, *own_before)) return refused;
  add_differences(of.resource, *own_before, own, records);
  return std::nullopt;
}

std::vector<metadata::record> plan_edits(const broker& owner, const metadata::image& before,
                                         const std::vector<resource_edit>& edits, edit_start start,
                                         std::vector<std::optional<refusal>>& outcomes) {
  std::map<std::pair<resource_type, std::string_view>, int> times_named;
  for (const auto& edit : edits) ++times_named[{edit.type, edit.name}];
  std::vector<metadata::record> records;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    outcomes[i] = times_named[{edits[i].type, edits[i].name}] > 1
                      ? refusal{error_code::invalid_request, "the resource is named twice"}
                      : plan_edit(owner, before, edits[i], start, records);
  }
  return records;
}

void tell(const resource_edit& done) {
  const auto scope = scope_of(done.type);
  const auto whose = scope == config_scope::topic   ? "topic " + done.name
                     : scope == config_scope::group ? "group " + done.name
                     : done.name.empty()            ? "all brokers"
                                                    : "broker " + done.name;
  config_map set;
  for (const auto& edit : done.edits) {
    base::say_info("{}: {} is changed", whose, edit.name);
    if (edit.value) set.emplace(edit.name, *edit.value);
  }
  for (const auto* key : metadata::stored_only_configs(scope, set)) {
    base::say_warning("{}: {} is stored only: {}", whose, key->name, key->documentation);
  }
}

}  // namespace

std::vector<std::optional<refusal>> edit_configs(broker& owner, const std::vector<resource_edit>& edits,
                                                 edit_start start, edit_effect effect) {
  std::vector<std::optional<refusal>> outcomes(edits.size());
  if (effect == edit_effect::only_check) {
    plan_edits(owner, *owner.environment.cluster.current(), edits, start, outcomes);
    return outcomes;
  }
  const auto changed = owner.change([&](const metadata::image& before) {
    return base::result<std::vector<metadata::record>>(plan_edits(owner, before, edits, start, outcomes));
  });
  if (!changed) base::say_error("changing configs: {}", changed.error().describe());
  bool is_about_brokers = false;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (outcomes[i]) continue;
    if (!changed) {
      outcomes[i] = refusal{error_code_of(changed.error()), changed.error().describe()};
      continue;
    }
    tell(edits[i]);
    is_about_brokers = is_about_brokers || edits[i].type == resource_type::broker;
  }
  if (is_about_brokers) owner.follow_config();
  return outcomes;
}

}  // namespace tidelog::server
