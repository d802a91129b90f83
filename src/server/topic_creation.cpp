#include "topic_creation.hpp"

#include "errors.hpp"
#include "topic_names.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/coordinator/transaction_coordinator.hpp"

namespace tidelog::server {
namespace {

/// Names with more dots and underscores are compared with every topic there is.
constexpr std::size_t most_separators_varied = 8;

}  // namespace

void add_partition_records(const broker& owner, const model::topic_id& id, std::int32_t first,
                           std::int32_t end, std::vector<metadata::record>& records) {
  const auto node = owner.settings.node_id.value();
  for (std::int32_t index = first; index < end; ++index) {
    metadata::partition_record made;
    made.partition_id = index;
    made.topic_id = id;
    made.replicas = {node};
    made.isr = {node};
    made.leader = node;
    made.leader_epoch = 0;
    made.partition_epoch = 0;
    made.directories = {owner.settings.directory_id};
    records.emplace_back(std::move(made));
  }
}

void add_topic_records(const broker& owner, const std::string& name, const model::topic_id& id,
                       std::int32_t partitions, const metadata::config_map& configs,
                       std::vector<metadata::record>& records) {
  records.emplace_back(metadata::topic_record{name, id});
  for (const auto& [key, value] : configs) {
    records.emplace_back(
        metadata::config_record{static_cast<std::int8_t>(metadata::resource_type::topic), name, key, value});
  }
  add_partition_records(owner, id, 0, partitions, records);
}

std::string colliding_topic(const metadata::image& image, const std::string& name) {
  std::vector<std::size_t> separators;
  for (auto at = name.find_first_of("._"); at != std::string::npos; at = name.find_first_of("._", at + 1)) {
    separators.push_back(at);
  }
  const auto key = collision_key(name);
  if (separators.size() <= most_separators_varied) {
    // Looking up every name that would collide costs the same however many topics there are.
    auto other = key;
    for (std::uint32_t dots = 0; dots < 1U << separators.size(); ++dots) {
      for (std::size_t i = 0; i < separators.size(); ++i)
        other[separators[i]] = (dots >> i & 1U) != 0 ? '.' : '_';
      if (other != name && image.topic(other)) return other;
    }
    return {};
  }
  for (const auto& topic : image.topics()) {
    if (topic->name != name && collision_key(topic->name) == key) return topic->name;
  }
  return {};
}

std::optional<refusal> refusal_for_want_of_room(const broker& owner) {
  const auto room = owner.environment.space.admit(0);
  if (room) return std::nullopt;
  return refusal{error_code_of(room.error()), room.error().context};
}

base::result<metadata::image_ptr> create_internal_topic(broker& owner, const std::string& name) {
  if (auto image = owner.environment.cluster.current(); image->topic(name)) return image;
  const auto config = owner.config();
  const bool is_of_groups = name == coordinator::offsets_topic;
  const auto segment_bytes = is_of_groups ? config->groups.offsets_topic_segment_bytes
                                          : config->transactions.state_log_segment_bytes;
  const auto partitions = is_of_groups ? config->groups.offsets_topic_num_partitions
                                       : config->transactions.state_log_num_partitions;
  const metadata::config_map configs{
      {"cleanup.policy", "compact"},
      {"compression.type", is_of_groups ? "producer" : "uncompressed"},
      {"segment.bytes", std::to_string(segment_bytes)},
  };
  return owner.change([&](const metadata::image& before) -> base::result<std::vector<metadata::record>> {
    std::vector<metadata::record> records;
    if (before.topic(name)) return records;
    add_topic_records(owner, name, base::random_uuid(), partitions, configs, records);
    return records;
  });
}

base::result<metadata::image_ptr> create_missing_topics(broker& owner,
                                                        const std::vector<std::string>& names) {
  TIDELOG_DO(owner.environment.space.admit(0));
  const auto partitions = owner.config()->num_partitions;
  return owner.change([&](const metadata::image& before) -> base::result<std::vector<metadata::record>> {
    std::vector<metadata::record> records;
    for (const auto& name : names) {
      if (before.topic(name) || !colliding_topic(before, name).empty()) continue;
      add_topic_records(owner, name, base::random_uuid(), partitions, {}, records);
      base::say_info("topic {} is created with {} partition(s), as somebody asked for it", name, partitions);
    }
    return records;
  });
}

}  // namespace tidelog::server
