#pragma once
// Fetch: reads record batches from partitions, within a session or without.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/encoded.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// The replica that fetches; consumers leave it at its defaults.
struct fetch_replica_state {
  std::int32_t replica_id = -1;
  std::int64_t replica_epoch = -1;

  bool operator==(const fetch_replica_state&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("replicaId", self.replica_id, codec::since(15));
    visit("replicaEpoch", self.replica_epoch, codec::since(15));
  }
};

/// Where to go on reading, and the epochs by which a truncation would be found.
struct fetch_partition {
  std::int32_t partition = 0;
  std::int32_t current_leader_epoch = -1;
  std::int64_t fetch_offset = 0;
  std::int32_t last_fetched_epoch = -1;
  std::int64_t log_start_offset = -1;
  std::int32_t partition_max_bytes = 0;
  base::uuid replica_directory_id;
  std::int64_t high_watermark = std::numeric_limits<std::int64_t>::max();

  bool operator==(const fetch_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partition", self.partition, codec::always);
    visit("currentLeaderEpoch", self.current_leader_epoch, codec::since(9));
    visit("fetchOffset", self.fetch_offset, codec::always);
    visit("lastFetchedEpoch", self.last_fetched_epoch, codec::since(12));
    visit("logStartOffset", self.log_start_offset, codec::since(5));
    visit("partitionMaxBytes", self.partition_max_bytes, codec::always);
    visit("replicaDirectoryId", self.replica_directory_id, codec::since(17).tagged(0));
    visit("highWatermark", self.high_watermark, codec::since(18).tagged(1));
  }
};

/// A topic whose partitions are new to the session or have changed; named up to version 12, by id from 13
/// on.
struct fetch_topic {
  std::string topic;
  base::uuid topic_id;
  std::vector<fetch_partition> partitions;

  bool operator==(const fetch_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::between(0, 12));
    visit("topicId", self.topic_id, codec::since(13));
    visit("partitions", self.partitions, codec::always);
  }
};

/// Partitions that the session drops.
struct forgotten_topic {
  std::string topic;
  base::uuid topic_id;
  std::vector<std::int32_t> partitions;

  bool operator==(const forgotten_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::between(7, 12));
    visit("topicId", self.topic_id, codec::since(13));
    visit("partitions", self.partitions, codec::since(7));
  }
};

/// Consumers have `replica_id` -1. `session_id` 0 with `session_epoch` 0 opens a session, epoch -1 goes
/// without.
struct fetch_request {
  static constexpr api_key key = api_key::fetch;
  static constexpr codec::version_range versions{4, 18};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::optional<std::string> cluster_id;
  std::int32_t replica_id = -1;
  fetch_replica_state replica_state;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();
  protocol::isolation_level isolation_level = protocol::isolation_level::read_uncommitted;
  std::int32_t session_id = 0;
  std::int32_t session_epoch = -1;
  std::vector<fetch_topic> topics;
  std::vector<forgotten_topic> forgotten_topics_data;
  std::string rack_id;

  bool operator==(const fetch_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("clusterId", self.cluster_id, codec::since(12).nullable_since(12).tagged(0));
    visit("replicaId", self.replica_id, codec::between(0, 14));
    visit("replicaState", self.replica_state, codec::since(15).tagged(1));
    visit("maxWaitMs", self.max_wait_ms, codec::always);
    visit("minBytes", self.min_bytes, codec::always);
    visit("maxBytes", self.max_bytes, codec::always);
    visit("isolationLevel", self.isolation_level, codec::always);
    visit("sessionId", self.session_id, codec::since(7));
    visit("sessionEpoch", self.session_epoch, codec::since(7));
    visit("topics", self.topics, codec::always);
    visit("forgottenTopicsData", self.forgotten_topics_data, codec::since(7));
    visit("rackId", self.rack_id, codec::since(11));
  }
};

/// Where the log that the reader followed parts from this one.
struct fetch_epoch_end_offset {
  std::int32_t epoch = -1;
  std::int64_t end_offset = -1;

  bool operator==(const fetch_epoch_end_offset&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("epoch", self.epoch, codec::since(12));
    visit("endOffset", self.end_offset, codec::since(12));
  }
};

/// Where a client that met the wrong broker should go; -1 when not known.
struct fetch_leader_id_and_epoch {
  std::int32_t leader_id = -1;
  std::int32_t leader_epoch = -1;

  bool operator==(const fetch_leader_id_and_epoch&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("leaderId", self.leader_id, codec::since(12));
    visit("leaderEpoch", self.leader_epoch, codec::since(12));
  }
};

/// The snapshot to load in place of offsets that are gone; for followers.
struct fetch_snapshot_id {
  std::int64_t end_offset = -1;
  std::int32_t epoch = -1;

  bool operator==(const fetch_snapshot_id&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("endOffset", self.end_offset, codec::always);
    visit("epoch", self.epoch, codec::always);
  }
};

/// Records of this producer from `first_offset` up to its abort marker do not count.
struct aborted_transaction {
  std::int64_t producer_id = 0;
  std::int64_t first_offset = 0;

  bool operator==(const aborted_transaction&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("producerId", self.producer_id, codec::always);
    visit("firstOffset", self.first_offset, codec::always);
  }
};

/// `records` is best present though empty when there are none: not every client takes null. Offsets are -1
/// after an error.
struct fetch_partition_data {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::int64_t high_watermark = 0;
  std::int64_t last_stable_offset = -1;
  std::int64_t log_start_offset = -1;
  fetch_epoch_end_offset diverging_epoch;
  fetch_leader_id_and_epoch current_leader;
  fetch_snapshot_id snapshot_id;
  std::optional<std::vector<aborted_transaction>> aborted_transactions;
  std::int32_t preferred_read_replica = -1;
  codec::records_payload records;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("highWatermark", self.high_watermark, codec::always);
    visit("lastStableOffset", self.last_stable_offset, codec::always);
    visit("logStartOffset", self.log_start_offset, codec::since(5));
    visit("divergingEpoch", self.diverging_epoch, codec::since(12).tagged(0));
    visit("currentLeader", self.current_leader, codec::since(12).tagged(1));
    visit("snapshotId", self.snapshot_id, codec::since(12).tagged(2));
    visit("abortedTransactions", self.aborted_transactions, codec::always.nullable_since(4));
    visit("preferredReadReplica", self.preferred_read_replica, codec::since(11));
    visit("records", self.records, codec::always.nullable_since(0));
  }
};

struct fetchable_topic_response {
  std::string topic;
  base::uuid topic_id;
  std::vector<fetch_partition_data> partitions;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::between(0, 12));
    visit("topicId", self.topic_id, codec::since(13));
    visit("partitions", self.partitions, codec::always);
  }
};

/// Address of a broker that `current_leader` names.
struct fetch_node_endpoint {
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;

  bool operator==(const fetch_node_endpoint&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("nodeId", self.node_id, codec::since(16));
    visit("host", self.host, codec::since(16));
    visit("port", self.port, codec::since(16));
    visit("rack", self.rack, codec::since(16).nullable_since(16));
  }
};

/// In a session only partitions with news are listed.
struct fetch_response {
  static constexpr api_key key = api_key::fetch;
  static constexpr codec::version_range versions{4, 18};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::int32_t session_id = 0;
  std::vector<fetchable_topic_response> responses;
  std::vector<fetch_node_endpoint> node_endpoints;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::since(7));
    visit("sessionId", self.session_id, codec::since(7));
    visit("responses", self.responses, codec::always);
    visit("nodeEndpoints", self.node_endpoints, codec::since(16).tagged(0));
  }
};

}  // namespace tidelog::protocol
