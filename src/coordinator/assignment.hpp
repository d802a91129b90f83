#pragma once
// What assignors work on, for both of them: members and topics as numbers.

#include "consumer_group_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::coordinator {

struct assignor_topic {
  model::topic_id id;
  std::int32_t partition_count = 0;
};

/// Pointers outlive the call.
struct assignor_member {
  std::string member_id;
  std::optional<std::string> instance_id;
  /// Indexes into the topics, ascending, each once.
  std::vector<std::uint32_t> topics;
  /// What the member was to have before; null: nothing.
  const topic_partitions* previous = nullptr;
};

struct assignor_input {
  /// Ascending by id, each once.
  std::vector<assignor_topic> topics;
  std::vector<assignor_member> members;
};

/// What each member is to have, in the order of the input's members. All partitions of a topic that anybody subscribes
/// to are given away, each to one member that subscribes to it.
using assignor_output = std::vector<topic_partitions>;

}  // namespace tidelog::coordinator
