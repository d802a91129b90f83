#pragma once
// The names of partition directories.
//
//   TOPIC-PARTITION                       in use
//   TOPIC-PARTITION.UUIDHEX-delete        being deleted
//   TOPIC-PARTITION.UUIDHEX-stray         not in the metadata; kept for the operator
//   TOPIC-PARTITION.UUIDHEX-future        being moved between disks (by Kafka)
//
// UUIDHEX is random: a topic may be deleted, made and deleted again before the first one's directory is gone. Topics are
// cut where the name would be longer than a file's name may be, so that the name of a directory that is not in use does
// not always tell its topic.

#include "tidelog/model/types.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tidelog::storage {

enum class directory_state { in_use, being_deleted, stray, future };

struct parsed_directory_name {
  model::topic_partition partition;
  directory_state state = directory_state::in_use;
};

/// 1 to 249 of ASCII letters, digits, '.', '_' and '-', but not "." or "..": Kafka's rule, and what a path is safe with.
[[nodiscard]] bool is_topic_name(std::string_view name);
/// Nothing for a name that is none of the above.
[[nodiscard]] std::optional<parsed_directory_name> parse_directory_name(std::string_view name);
/// The name for a partition that leaves use; `state` is being_deleted or stray.
[[nodiscard]] std::string directory_name_out_of_use(const model::topic_partition& partition,
                                                    const base::uuid& id, directory_state state);

}  // namespace tidelog::storage
