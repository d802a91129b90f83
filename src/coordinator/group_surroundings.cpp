#include "group_surroundings.hpp"

#include <utility>

namespace tidelog::coordinator {
namespace {

std::optional<topic_summary> summary_of(const metadata::topic_ptr& topic) {
  if (!topic) return std::nullopt;
  return topic_summary{topic->name, topic->id, static_cast<std::int32_t>(topic->partitions.size())};
}

migration_policy policy_of(metadata::group_migration configured) {
  switch (configured) {
    case metadata::group_migration::disabled:
      return migration_policy::disabled;
    case metadata::group_migration::upgrade:
      return migration_policy::upgrade;
    case metadata::group_migration::downgrade:
      return migration_policy::downgrade;
    case metadata::group_migration::bidirectional:
      break;
  }
  return migration_policy::bidirectional;
}

consumer_group_overrides overrides_from(const metadata::group_config& config) {
  return {.session_timeout_ms = config.consumer_session_timeout_ms,
          .heartbeat_interval_ms = config.consumer_heartbeat_interval_ms,
          .assignment_interval_ms = config.consumer_assignment_interval_ms};
}

group_settings settings_from(const metadata::coordinator_config& config, const metadata::image& image) {
  constexpr std::int64_t minute_ms = 60'000;
  group_settings settings;
  settings.min_session_timeout_ms = config.min_session_timeout_ms;
  settings.max_session_timeout_ms = config.max_session_timeout_ms;
  settings.initial_rebalance_delay_ms = config.initial_rebalance_delay_ms;
  settings.max_size = config.max_size;
  settings.consumer_max_size = config.consumer_max_size;
  settings.consumer_migration = policy_of(config.consumer_migration);
  settings.consumer_assignors = config.consumer_assignors;
  settings.consumer_defaults = overrides_from(config.defaults);
  settings.offset_metadata_max_bytes = config.offset_metadata_max_bytes;
  settings.offsets_retention_ms = config.offsets_retention_minutes * minute_ms;
  settings.consumer_protocol_is_served = image.feature_level("group.version") > 0;
  return settings;
}

}  // namespace

std::optional<topic_summary> image_catalog::find(const std::string& name) const {
  return summary_of(image_->topic(name));
}

std::optional<topic_summary> image_catalog::find(const model::topic_id& id) const {
  return summary_of(image_->topic(id));
}

void image_catalog::for_each(const std::function<void(const topic_summary&)>& visit) const {
  for (const auto& topic : image_->topics()) visit(*summary_of(topic));
}

group_surroundings::group_surroundings(const metadata::broker_config& config, metadata::image_ptr image,
                                       std::int64_t topics_version,
                                       partition::partition_manager::layers_of_topic layers)
    : settings_(settings_from(config.groups, *image)),
      load_buffer_bytes_(static_cast<std::uint64_t>(config.groups.offsets_load_buffer_bytes)),
      image_(image),
      layers_(std::move(layers)),
      topics_(std::move(image), topics_version, config.rack) {}

consumer_group_overrides group_surroundings::overrides_of(const std::string& group_id) const {
  const auto own = image_->config({metadata::resource_type::group, group_id});
  if (own->empty()) return settings_.consumer_defaults;
  auto layers = layers_.view();
  layers.group = own.get();
  return overrides_from(metadata::effective_group_config(layers));
}

}  // namespace tidelog::coordinator
