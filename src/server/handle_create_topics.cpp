#include "errors.hpp"
#include "handlers.hpp"
#include "refusal.hpp"
#include "topic_assignment.hpp"
#include "topic_creation.hpp"
#include "topic_names.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/protocol/create_topics.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace tidelog::server {
namespace {

using protocol::error_code;
using result_row = protocol::creatable_topic_result;

constexpr std::int32_t broker_default = -1;
constexpr std::int16_t first_version_with_configs = 5;

/// A topic asked for, and what is answered about it.
struct creation {
  const protocol::creatable_topic* asked = nullptr;
  std::int32_t partitions = 0;
  metadata::config_map configs;
  result_row row;

  [[nodiscard]] bool is_refused() const { return row.error_code != error_code::none; }
  void refuse(error_code code, std::string why) {
    row.error_code = code;
    row.error_message = std::move(why);
  }
  void refuse(refusal of) { refuse(of.code, std::move(of.why)); }
};

std::int32_t partitions_asked_for(const protocol::creatable_topic& asked,
                                  const metadata::broker_config& defaults) {
  if (!asked.assignments.empty()) return static_cast<std::int32_t>(asked.assignments.size());
  return asked.num_partitions == broker_default ? defaults.num_partitions : asked.num_partitions;
}

/// Each name once, in the order of the request.
std::vector<creation> creations_of(const protocol::create_topics_request& message,
                                   const metadata::broker_config& defaults) {
  std::vector<creation> creations;
  std::map<std::string_view, std::size_t> places;
  std::int64_t partitions = 0;
  for (const auto& topic : message.topics) {
    const auto [place, is_new] = places.try_emplace(topic.name, creations.size());
    if (!is_new) {
      creations[place->second].refuse(error_code::invalid_request, "the topic is named twice");
      continue;
    }
    auto& made = creations.emplace_back();
    made.asked = &topic;
    made.partitions = partitions_asked_for(topic, defaults);
    made.row.name = topic.name;
    partitions += std::max(made.partitions, 0);
  }
  if (partitions <= most_partitions_of_a_request) return creations;
  for (auto& each : creations) {
    each.refuse(error_code::policy_violation, fmt::format("{} partitions in one request are more than {}",
                                                          partitions, most_partitions_of_a_request));
  }
  return creations;
}

std::optional<refusal> check_assignments(const protocol::creatable_topic& asked, model::broker_id self) {
  if (asked.num_partitions != broker_default || asked.replication_factor != broker_default) {
    return refusal{error_code::invalid_request,
                   "with assignments, the numbers of partitions and of replicas are both -1"};
  }
  std::set<std::int32_t> indexes;
  for (const auto& assignment : asked.assignments) {
    if (!indexes.insert(assignment.partition_index).second) {
      return refusal{error_code::invalid_replica_assignment,
                     fmt::format("partition {} is assigned twice", assignment.partition_index)};
    }
    if (auto fault = assignment_fault(assignment.broker_ids, self)) {
      return refusal{error_code::invalid_replica_assignment, std::move(*fault)};
    }
  }
  if (*indexes.begin() != 0 || *indexes.rbegin() != static_cast<std::int32_t>(indexes.size()) - 1) {
    return refusal{error_code::invalid_replica_assignment,
                   "the partitions assigned are not numbered from 0 on"};
  }
  return std::nullopt;
}

/// The replication factor is taken whatever it is, since tools insist on theirs; there is one replica all the same.
std::optional<refusal> check_counts(const protocol::creatable_topic& asked) {
  if (asked.num_partitions == 0 || asked.num_partitions < broker_default) {
    return refusal{error_code::invalid_partitions,
                   "the number of partitions is at least 1, or -1 for the default"};
  }
  if (asked.replication_factor == 0 || asked.replication_factor < broker_default) {
    return refusal{error_code::invalid_replication_factor,
                   "the replication factor is at least 1, or -1 for the default"};
  }
  return std::nullopt;
}

std::optional<refusal> check_name(const metadata::image& before, const std::string& name) {
  if (name == "__cluster_metadata") {
    return refusal{error_code::invalid_request, "the metadata topic is the broker's own"};
  }
  if (auto fault = topic_name_fault(name))
    return refusal{error_code::invalid_topic_exception, std::move(*fault)};
  if (before.topic(name)) {
    return refusal{error_code::topic_already_exists, fmt::format("topic {} exists", name)};
  }
  if (const auto other = colliding_topic(before, name); !other.empty()) {
    return refusal{error_code::invalid_topic_exception,
                   fmt::format("{} and the topic {} would have the same name in metrics", name, other)};
  }
  return std::nullopt;
}

std::optional<refusal> take_configs(const partition::partition_manager& partitions,
                                    const metadata::image& before, creation& of) {
  metadata::config_map given;
  for (const auto& config : of.asked->configs) {
    if (!config.value) {
      return refusal{error_code::invalid_config, fmt::format("{} has no value", config.name)};
    }
    given.insert_or_assign(config.name, *config.value);
  }
  auto valid = metadata::validate_topic_configs(given, partitions.layers(before, of.asked->name).view());
  if (!valid) return refusal{error_code::invalid_config, std::move(valid.error().context)};
  of.configs = std::move(*valid);
  return std::nullopt;
}

std::optional<refusal> check(const broker& owner, const metadata::image& before, creation& of) {
  if (auto refused = check_name(before, of.asked->name)) return refused;
  if (auto refused = take_configs(owner.environment.partitions, before, of)) return refused;
  auto refused = of.asked->assignments.empty() ? check_counts(*of.asked)
                                               : check_assignments(*of.asked, owner.settings.node_id);
  return refused ? refused : refusal_for_want_of_room(owner);
}

/// Refuses what cannot be, and returns the records that make the rest.
std::vector<metadata::record> plan_creations(const broker& owner, const metadata::image& before,
                                             std::vector<creation>& creations) {
  std::vector<metadata::record> records;
  std::map<std::string, std::string_view> names;
  for (auto& each : creations) {
    if (each.is_refused()) continue;
    if (auto refused = check(owner, before, each)) {
      each.refuse(std::move(*refused));
      continue;
    }
    const auto [place, is_new] = names.try_emplace(collision_key(each.asked->name), each.asked->name);
    if (!is_new) {
      each.refuse(error_code::invalid_topic_exception,
                  fmt::format("{} and the topic {} would have the same name in metrics", each.asked->name,
                              place->second));
      continue;
    }
    each.row.topic_id = base::random_uuid();
    add_topic_records(owner, each.asked->name, each.row.topic_id, each.partitions, each.configs, records);
  }
  return records;
}

void tell(const creation& made) {
  base::say_info("topic {} ({}) is created with {} partition(s)", made.asked->name, made.row.topic_id.text(),
                 made.partitions);
  for (const auto* key : metadata::stored_only_configs(metadata::config_scope::topic, made.configs)) {
    base::say_warning("topic {}: {} is stored only: {}", made.asked->name, key->name, key->documentation);
  }
}

void create(broker& owner, std::vector<creation>& creations) {
  const auto outcome = owner.change([&](const metadata::image& before) {
    return base::result<std::vector<metadata::record>>(plan_creations(owner, before, creations));
  });
  if (!outcome) base::say_error("creating topics: {}", outcome.error().describe());
  for (auto& each : creations) {
    if (each.is_refused()) continue;
    if (outcome) {
      tell(each);
    } else {
      each.refuse(error_code_of(outcome.error()), outcome.error().describe());
    }
  }
}

/// What later versions tell of a new topic.
void describe(const broker& owner, const metadata::image& image, creation& made) {
  made.row.num_partitions = made.partitions;
  made.row.replication_factor = 1;
  auto layers = owner.environment.partitions.layers(image, made.asked->name);
  auto view = layers.view();
  view.topic = &made.configs;
  auto& rows = made.row.configs.emplace();
  for (const auto* key : metadata::config_keys(metadata::config_scope::topic)) {
    auto entry = metadata::describe_config(*key, view);
    rows.push_back({std::string(key->name), std::move(entry.value), entry.is_read_only(),
                    static_cast<protocol::config_source>(entry.source), key->is_sensitive()});
  }
}

void create_topics(request of, protocol::create_topics_request message) {
  auto creations = creations_of(message, *of.owner().config());
  if (message.validate_only) {
    plan_creations(of.owner(), *of.image(), creations);
  } else {
    create(of.owner(), creations);
  }
  protocol::create_topics_response answer;
  const auto image = of.image();
  for (auto& each : creations) {
    if (each.is_refused()) {
      each.row.topic_id = {};
    } else if (of.version() >= first_version_with_configs) {
      describe(of.owner(), *image, each);
    }
    answer.topics.push_back(std::move(each.row));
  }
  of.answer(answer);
}

}  // namespace

void handle_create_topics(request of, protocol::create_topics_request message) {
  on_worker(std::move(of), std::move(message), create_topics);
}

}  // namespace tidelog::server
