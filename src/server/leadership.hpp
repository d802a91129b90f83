#pragma once
// Who leads a partition, as Metadata and DescribeTopicPartitions tell it alike.

#include "tidelog/base/result.hpp"
#include "tidelog/partition/partition_error.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>

namespace tidelog::server {

/// Nobody leads a partition that cannot be used: clients look again until somebody does. The replica of one that is being
/// recovered is on its way back; that of one that is offline is offline.
template <class Row>
void fill_leadership(Row& row, const base::status& available, std::int32_t node) {
  if (available) {
    row.leader_id = node;
    row.isr_nodes = {node};
    return;
  }
  row.error_code = protocol::error_code::leader_not_available;
  row.leader_id = -1;
  if (available.error().code == partition::errc::recovering) {
    row.isr_nodes = {node};
  } else {
    row.offline_replicas = {node};
  }
}

}  // namespace tidelog::server
