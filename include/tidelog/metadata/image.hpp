#pragma once
// The cluster's metadata as of one offset of the metadata log: an immutable value that any number of readers hold.

#include "tidelog/metadata/shared_map.hpp"
#include "tidelog/model/types.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::metadata {

/// Where a partition's replicas are. The lists are kept as they were written, so that a directory that came from a cluster
/// goes back as it was.
struct replica_placement {
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> isr;
  std::vector<base::uuid> directories;
  friend bool operator==(const replica_placement&, const replica_placement&) = default;
};

/// One partition as the metadata log describes it.
struct partition_state {
  model::partition_index index;
  model::leader_epoch epoch;
  std::int32_t partition_epoch = 0;
  std::int32_t leader = -1;
  /// Never null. Partitions of a topic that are placed alike share it.
  std::shared_ptr<const replica_placement> placement;
};

/// Partitions stand in order of their index, without gaps.
struct topic_state {
  std::string name;
  model::topic_id id;
  std::vector<partition_state> partitions;
};

/// Kafka's numbers for what a config belongs to.
enum class resource_type : std::int8_t {
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32
};

struct resource {
  resource_type type;
  /// Topic or group name, broker id in decimal; empty for the cluster-wide broker defaults.
  std::string name;
  friend auto operator<=>(const resource&, const resource&) = default;
};

/// Only what was set on the resource itself; defaults are in the configuration table.
using config_map = std::map<std::string, std::string, std::less<>>;

struct broker_endpoint {
  std::string listener;
  std::string host;
  std::uint16_t port = 0;
  std::int16_t security_protocol = 0;
};

struct broker_registration {
  std::int32_t id = -1;
  std::int64_t epoch = -1;
  base::uuid incarnation;
  std::vector<broker_endpoint> endpoints;
  std::vector<base::uuid> directories;
  std::optional<std::string> rack;
  bool fenced = true;
};

/// A record whose kind this version keeps without looking into it (ACLs, quotas, credentials of a directory that
/// came from elsewhere): carried through snapshots unchanged and in order.
struct kept_record {
  std::uint32_t type;
  std::uint32_t version;
  std::vector<std::byte> body;
};

}  // namespace tidelog::metadata

template <>
struct std::hash<tidelog::metadata::resource> {
  std::size_t operator()(const tidelog::metadata::resource& of) const noexcept {
    return std::hash<std::string>{}(of.name) * 64 + static_cast<std::size_t>(of.type);
  }
};

namespace tidelog::metadata {

using topic_ptr = std::shared_ptr<const topic_state>;
using config_ptr = std::shared_ptr<const config_map>;

class image {
 public:
  /// Null when there is no such topic.
  [[nodiscard]] topic_ptr topic(const std::string& name) const;
  [[nodiscard]] topic_ptr topic(const model::topic_id& id) const;
  /// All topics, by name.
  [[nodiscard]] std::vector<topic_ptr> topics() const;
  [[nodiscard]] std::size_t topic_count() const { return by_name_.size(); }
  [[nodiscard]] std::size_t partition_count() const { return partition_count_; }

  /// What is set on the resource; never null.
  [[nodiscard]] config_ptr config(const resource& of) const;
  /// Every resource that has a config set, in order.
  [[nodiscard]] std::vector<resource> configured_resources() const;

  /// 0 for a feature that is not finalized.
  [[nodiscard]] std::int16_t feature_level(std::string_view feature) const;
  [[nodiscard]] const std::map<std::string, std::int16_t, std::less<>>& features() const { return features_; }

  [[nodiscard]] model::producer_id next_producer_id() const { return next_producer_id_; }
  [[nodiscard]] const std::map<std::int32_t, broker_registration>& brokers() const { return brokers_; }
  [[nodiscard]] const std::vector<kept_record>& kept() const { return *kept_; }

  /// The last offset of the metadata log that is in here; -1 for the empty image.
  [[nodiscard]] model::offset last_offset() const { return last_offset_; }
  [[nodiscard]] model::leader_epoch last_epoch() const { return last_epoch_; }

  /// Calls visit(topic before or null, topic after or null) for each topic that two images do not share.
  template <class Visit>
  static void for_each_topic_change(const image& before, const image& after, Visit&& visit) {
    shared_map<model::topic_id, topic_ptr>::for_each_difference(
        before.by_id_, after.by_id_,
        [&](const model::topic_id&, const topic_ptr* left, const topic_ptr* right) {
          visit(left ? *left : nullptr, right ? *right : nullptr);
        });
  }
  /// Calls visit(resource) for each resource whose config is not shared.
  template <class Visit>
  static void for_each_config_change(const image& before, const image& after, Visit&& visit) {
    shared_map<resource, config_ptr>::for_each_difference(
        before.configs_, after.configs_,
        [&](const resource& of, const config_ptr*, const config_ptr*) { visit(of); });
  }

 private:
  friend class image_builder;

  shared_map<std::string, topic_ptr> by_name_;
  shared_map<model::topic_id, topic_ptr> by_id_;
  std::size_t partition_count_ = 0;
  shared_map<resource, config_ptr> configs_;
  std::map<std::string, std::int16_t, std::less<>> features_;
  model::producer_id next_producer_id_{0};
  std::map<std::int32_t, broker_registration> brokers_;
  std::shared_ptr<const std::vector<kept_record>> kept_ = std::make_shared<std::vector<kept_record>>();
  model::offset last_offset_ = model::no_offset;
  model::leader_epoch last_epoch_ = model::no_leader_epoch;
};

using image_ptr = std::shared_ptr<const image>;

}  // namespace tidelog::metadata
