#include "image_builder.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tidelog::metadata {
namespace {

/// The newest levels of the features of Kafka 4.3 that this program can live with. A directory that stands at a newer
/// one holds things that would be misread.
constexpr std::array<std::pair<std::string_view, std::int16_t>, 7> known_features{{
    {"metadata.version", 30},
    {"kraft.version", 1},
    {"eligible.leader.replicas.version", 1},
    {"group.version", 1},
    {"transaction.version", 2},
    {"share.version", 1},
    {"streams.version", 1},
}};

}  // namespace

std::vector<register_broker_record::feature> supported_features() {
  std::vector<register_broker_record::feature> all;
  for (const auto& [name, newest] : known_features) {
    // The metadata version that Kafka 3.3 began with; older ones are no KRaft.
    const std::int16_t oldest = name == "metadata.version" ? std::int16_t{7} : std::int16_t{0};
    all.push_back({std::string(name), oldest, newest});
  }
  return all;
}

base::status image_builder::apply(const record& of) {
  const bool ends = std::holds_alternative<end_transaction_record>(of) ||
                    std::holds_alternative<abort_transaction_record>(of);
  if (in_transaction_ && !ends) {
    held_back_.push_back(of);
    return {};
  }
  return apply_now(of);
}

base::status image_builder::apply_now(const record& of) {
  return std::visit([this](const auto& fields) { return on(fields); }, of);
}

void image_builder::reached(model::offset offset, model::leader_epoch epoch) {
  next_.last_offset_ = offset;
  next_.last_epoch_ = epoch;
}

base::status image_builder::on(const register_broker_record& of) {
  broker_registration registration;
  registration.id = of.broker_id;
  registration.epoch = of.broker_epoch;
  registration.incarnation = of.incarnation_id;
  for (const auto& endpoint : of.end_points) {
    registration.endpoints.push_back(
        {endpoint.name, endpoint.host, endpoint.port, endpoint.security_protocol});
  }
  registration.directories = of.log_dirs;
  registration.rack = of.rack;
  registration.fenced = of.fenced;
  next_.brokers_[of.broker_id] = std::move(registration);
  return {};
}

base::status image_builder::on(const unregister_broker_record& of) {
  next_.brokers_.erase(of.broker_id);
  return {};
}

base::status image_builder::on(const topic_record& of) {
  if (next_.by_name_.find(of.name) != nullptr) {
    return base::fail(errc::corrupt_metadata, "topic {} is created twice", of.name);
  }
  auto made = std::make_shared<topic_state>();
  made->name = of.name;
  made->id = of.topic_id;
  next_.by_id_.set(of.topic_id, made);
  next_.by_name_.set(of.name, std::move(made));
  return {};
}

image_ptr image_builder::build() {
  put_back();
  own_kept_.reset();
  return std::make_shared<const image>(next_);
}

base::result<topic_state*> image_builder::open_topic(const model::topic_id& id, const char* what) {
  if (open_topic_ && open_topic_->id == id) return open_topic_.get();
  put_back();
  const auto found = next_.topic(id);
  if (!found)
    return base::fail(errc::corrupt_metadata, "{} of topic id {}, which does not exist", what, id.text());
  open_topic_ = std::make_shared<topic_state>(*found);
  return open_topic_.get();
}

void image_builder::put_back() {
  if (!open_topic_) return;
  const topic_ptr changed = std::move(open_topic_);
  open_topic_.reset();
  next_.by_id_.set(changed->id, changed);
  next_.by_name_.set(changed->name, changed);
}

std::shared_ptr<const replica_placement> image_builder::shared(replica_placement made) {
  if (!last_placement_ || *last_placement_ != made)
    last_placement_ = std::make_shared<const replica_placement>(std::move(made));
  return last_placement_;
}

base::status image_builder::on(const partition_record& of) {
  TIDELOG_TRY(topic_state* const topic, open_topic(of.topic_id, "a partition"));
  auto& partitions = topic->partitions;
  partition_state state;
  state.index = model::partition_index(of.partition_id);
  state.epoch = model::leader_epoch(of.leader_epoch);
  state.partition_epoch = of.partition_epoch;
  state.leader = of.leader;
  state.placement = shared({of.replicas, of.isr, of.directories});
  const auto place = std::lower_bound(
      partitions.begin(), partitions.end(), state.index,
      [](const partition_state& left, model::partition_index right) { return left.index < right; });
  if (place != partitions.end() && place->index == state.index) {
    *place = std::move(state);
  } else {
    partitions.insert(place, std::move(state));
    ++next_.partition_count_;
  }
  return {};
}

base::status image_builder::on(const config_record& of) {
  const resource target{static_cast<resource_type>(of.resource_type), of.resource_name};
  config_map changed = *next_.config(target);
  if (of.value) {
    changed.insert_or_assign(of.name, *of.value);
  } else {
    changed.erase(of.name);
  }
  if (changed.empty()) {
    next_.configs_.erase(target);
  } else {
    next_.configs_.set(target, std::make_shared<const config_map>(std::move(changed)));
  }
  return {};
}

base::status image_builder::on(const partition_change_record& of) {
  TIDELOG_TRY(topic_state* const topic, open_topic(of.topic_id, "a partition change"));
  auto& partitions = topic->partitions;
  const auto place = std::lower_bound(
      partitions.begin(), partitions.end(), model::partition_index(of.partition_id),
      [](const partition_state& left, model::partition_index right) { return left.index < right; });
  if (place == partitions.end() || place->index.value() != of.partition_id) {
    return base::fail(errc::corrupt_metadata, "a change of {}-{}, which does not exist", topic->name,
                      of.partition_id);
  }
  if (of.isr || of.replicas || of.directories) {
    replica_placement changed = *place->placement;
    if (of.isr) changed.isr = *of.isr;
    if (of.replicas) changed.replicas = *of.replicas;
    if (of.directories) changed.directories = *of.directories;
    place->placement = shared(std::move(changed));
  }
  if (of.leader != partition_change_record::leader_unchanged) {
    place->leader = of.leader;
    place->epoch = model::leader_epoch(place->epoch.value() + 1);
  }
  ++place->partition_epoch;
  return {};
}

void image_builder::set_fenced(std::int32_t broker, bool fenced) {
  if (const auto found = next_.brokers_.find(broker); found != next_.brokers_.end())
    found->second.fenced = fenced;
}

base::status image_builder::on(const fence_broker_record& of) {
  set_fenced(of.id, true);
  return {};
}

base::status image_builder::on(const unfence_broker_record& of) {
  set_fenced(of.id, false);
  return {};
}

base::status image_builder::on(const remove_topic_record& of) {
  TIDELOG_DO(open_topic(of.topic_id, "the removal"));
  put_back();
  const auto topic = next_.topic(of.topic_id);
  next_.partition_count_ -= topic->partitions.size();
  next_.by_id_.erase(topic->id);
  next_.by_name_.erase(topic->name);
  next_.configs_.erase(resource{resource_type::topic, topic->name});
  return {};
}

base::status image_builder::on(const feature_level_record& of) {
  if (of.feature_level == 0) {
    next_.features_.erase(of.name);
    return {};
  }
  for (const auto& [name, newest] : known_features) {
    if (name != of.name) continue;
    if (of.feature_level > newest) {
      return base::fail(errc::unsupported_feature_level, "{} is at level {}; this program knows it up to {}",
                        name, of.feature_level, newest);
    }
    next_.features_[of.name] = of.feature_level;
    return {};
  }
  return base::fail(errc::unsupported_feature_level, "the feature {} is not known", of.name);
}

base::status image_builder::on(const producer_ids_record& of) {
  next_.next_producer_id_ = model::producer_id(of.next_producer_id);
  return {};
}

base::status image_builder::on(const broker_registration_change_record& of) {
  if (of.fenced != 0) set_fenced(of.broker_id, of.fenced > 0);
  if (const auto found = next_.brokers_.find(of.broker_id);
      found != next_.brokers_.end() && !of.log_dirs.empty()) {
    found->second.directories = of.log_dirs;
  }
  return {};
}

base::status image_builder::on(const no_op_record&) {
  return {};
}

base::status image_builder::on(const begin_transaction_record&) {
  in_transaction_ = true;
  held_back_.clear();
  return {};
}

base::status image_builder::on(const end_transaction_record&) {
  if (!in_transaction_) return base::fail(errc::corrupt_metadata, "a transaction ends that did not begin");
  in_transaction_ = false;
  for (const auto& held : std::exchange(held_back_, {})) TIDELOG_DO(apply_now(held));
  return {};
}

base::status image_builder::on(const abort_transaction_record&) {
  in_transaction_ = false;
  held_back_.clear();
  return {};
}

base::status image_builder::on(const register_controller_record&) {
  return {};
}

base::status image_builder::on(const kept_record& of) {
  if (!own_kept_) {
    own_kept_ = std::make_shared<std::vector<kept_record>>(*next_.kept_);
    next_.kept_ = own_kept_;
  }
  own_kept_->push_back(of);
  return {};
}

}  // namespace tidelog::metadata
