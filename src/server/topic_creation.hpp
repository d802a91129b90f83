#pragma once
// What the metadata log says of a new topic, and of partitions that are added to one.

#include "broker.hpp"
#include "refusal.hpp"

#include "tidelog/metadata/records.hpp"

#include <string>
#include <vector>

namespace tidelog::server {

/// Partitions `first` to `end` - 1 of a topic, led by this broker.
void add_partition_records(const broker& owner, const model::topic_id& id, std::int32_t first,
                           std::int32_t end, std::vector<metadata::record>& records);
/// A topic with all its partitions and configs; the configs are canonical.
void add_topic_records(const broker& owner, const std::string& name, const model::topic_id& id,
                       std::int32_t partitions, const metadata::config_map& configs,
                       std::vector<metadata::record>& records);

/// The topic that `name` would collide with (the same but for '.' and '_'); empty when there is none.
[[nodiscard]] std::string colliding_topic(const metadata::image& image, const std::string& name);

/// Why there can be no new partitions while the disk is full; nothing while there is room.
[[nodiscard]] std::optional<refusal> refusal_for_want_of_room(const broker& owner);

/// Creates those of the topics that are missing, with the broker's defaults, as auto.create.topics.enable asks for.
/// Names that collide are passed over. Waits for the disk. Fails with ENOSPC while the disk is full.
[[nodiscard]] base::result<metadata::image_ptr> create_missing_topics(broker& owner,
                                                                      const std::vector<std::string>& names);

/// Creates one of the coordinators' topics (coordinator::offsets_topic, transactions_topic) as the configuration says, where
/// it is missing. Waits for the disk then.
[[nodiscard]] base::result<metadata::image_ptr> create_internal_topic(broker& owner, const std::string& name);

}  // namespace tidelog::server
