#include "broker.hpp"

namespace tidelog::server {

broker::broker(const server_environment& environment_in, server_settings settings_in)
    : environment(environment_in),
      settings(std::move(settings_in)),
      sessions(static_cast<std::size_t>(settings.config.max_incremental_fetch_session_cache_slots)),
      config_(std::make_shared<const metadata::broker_config>(settings.config)) {
  environment.transactions.set_id_source([this] { return next_producer_id(); });
}

std::shared_ptr<const metadata::broker_config> broker::config() const {
  const std::lock_guard lock(config_mutex_);
  return config_;
}

void broker::set_config(const metadata::broker_config& next) {
  environment.groups.update_config(next);
  environment.transactions.update_config(next);
  const std::lock_guard lock(config_mutex_);
  config_ = std::make_shared<const metadata::broker_config>(next);
}

void broker::follow_config() {
  const std::lock_guard lock(follow_mutex_);
  const auto layers = environment.partitions.layers(*environment.cluster.current(), "");
  set_config(metadata::effective_broker_config(layers.view()));
  if (config_changed) config_changed();
}

base::result<metadata::image_ptr> broker::change(const metadata::cluster_metadata::plan& plan) {
  TIDELOG_TRY(auto image, even_when_full([&] { return environment.cluster.change(plan); }));
  environment.partitions.apply(image);
  environment.groups.apply(image);
  environment.transactions.apply(image);
  return image;
}

base::status broker::raise_epochs(const std::vector<partition::partition_ptr>& which) {
  std::vector<metadata::record> records;
  for (const auto& each : which) {
    metadata::partition_change_record change;
    change.partition_id = each->name().partition.value();
    change.topic_id = each->topic_id();
    change.leader = settings.node_id.value();
    records.emplace_back(std::move(change));
  }
  TIDELOG_DO(change([&](const metadata::image& before) -> base::result<std::vector<metadata::record>> {
    // A topic may have been deleted since it was looked up.
    std::erase_if(records, [&](const auto& each) {
      return !before.topic(std::get<metadata::partition_change_record>(each).topic_id);
    });
    return records;
  }));
  return {};
}

base::result<model::producer_id> broker::next_producer_id() {
  const std::lock_guard lock(producer_ids_mutex_);
  if (producer_ids_.count == 0) {
    TIDELOG_TRY(producer_ids_, environment.cluster.allocate_producer_ids());
  }
  const auto next = producer_ids_.first;
  producer_ids_.first = model::producer_id(next.value() + 1);
  --producer_ids_.count;
  return next;
}

broker::address broker::address_for(const protocol::connection_info& connection) const {
  for (const auto& entry : settings.advertised) {
    if (entry.listener == connection.listener_name) return {entry.host, entry.port};
  }
  return {connection.local_host, connection.local_port};
}

}  // namespace tidelog::server
