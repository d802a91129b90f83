#pragma once
// Produce: appends record batches to partitions.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/encoded.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// One partition's records: exactly one batch of format v2. They view the frame.
struct partition_produce_data {
  std::int32_t index = 0;
  codec::records_payload records;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("index", self.index, codec::always);
    visit("records", self.records, codec::always.nullable_since(0));
  }
};

/// One topic's batches; named up to version 12, by id from 13 on.
struct topic_produce_data {
  std::string name;
  base::uuid topic_id;
  std::vector<partition_produce_data> partition_data;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::between(0, 12));
    visit("topicId", self.topic_id, codec::since(13));
    visit("partitionData", self.partition_data, codec::always);
  }
};

/// `acks` is -1 (all in-sync replicas), 0 (no answer wanted) or 1 (the leader).
struct produce_request {
  static constexpr api_key key = api_key::produce;
  static constexpr codec::version_range versions{3, 13};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::optional<std::string> transactional_id;
  std::int16_t acks = 0;
  std::int32_t timeout_ms = 0;
  std::vector<topic_produce_data> topic_data;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::always.nullable_since(3));
    visit("acks", self.acks, codec::always);
    visit("timeoutMs", self.timeout_ms, codec::always);
    visit("topicData", self.topic_data, codec::always);
  }
};

/// A record that made its whole batch fail, by its place in the batch.
struct batch_index_and_error_message {
  std::int32_t batch_index = 0;
  std::optional<std::string> batch_index_error_message;

  bool operator==(const batch_index_and_error_message&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("batchIndex", self.batch_index, codec::since(8));
    visit("batchIndexErrorMessage", self.batch_index_error_message, codec::since(8).nullable_since(8));
  }
};

/// Where a client that met the wrong broker should go; -1 when not known.
struct produce_leader_id_and_epoch {
  std::int32_t leader_id = -1;
  std::int32_t leader_epoch = -1;

  bool operator==(const produce_leader_id_and_epoch&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("leaderId", self.leader_id, codec::since(10));
    visit("leaderEpoch", self.leader_epoch, codec::since(10));
  }
};

/// `base_offset` is that of the first record; `log_append_time_ms` stays -1 unless the topic stamps records
/// itself.
struct partition_produce_response {
  std::int32_t index = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::int64_t base_offset = 0;
  std::int64_t log_append_time_ms = -1;
  std::int64_t log_start_offset = -1;
  std::vector<batch_index_and_error_message> record_errors;
  std::optional<std::string> error_message;
  produce_leader_id_and_epoch current_leader;

  bool operator==(const partition_produce_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("index", self.index, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("baseOffset", self.base_offset, codec::always);
    visit("logAppendTimeMs", self.log_append_time_ms, codec::always);
    visit("logStartOffset", self.log_start_offset, codec::since(5));
    visit("recordErrors", self.record_errors, codec::since(8));
    visit("errorMessage", self.error_message, codec::since(8).nullable_since(8));
    visit("currentLeader", self.current_leader, codec::since(10).tagged(0));
  }
};

struct topic_produce_response {
  std::string name;
  base::uuid topic_id;
  std::vector<partition_produce_response> partition_responses;

  bool operator==(const topic_produce_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::between(0, 12));
    visit("topicId", self.topic_id, codec::since(13));
    visit("partitionResponses", self.partition_responses, codec::always);
  }
};

/// Address of a broker that `current_leader` names.
struct produce_node_endpoint {
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;

  bool operator==(const produce_node_endpoint&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("nodeId", self.node_id, codec::since(10));
    visit("host", self.host, codec::since(10));
    visit("port", self.port, codec::since(10));
    visit("rack", self.rack, codec::since(10).nullable_since(10));
  }
};

struct produce_response {
  static constexpr api_key key = api_key::produce;
  static constexpr codec::version_range versions{3, 13};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<topic_produce_response> responses;
  std::int32_t throttle_time_ms = 0;
  std::vector<produce_node_endpoint> node_endpoints;

  bool operator==(const produce_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("responses", self.responses, codec::always);
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("nodeEndpoints", self.node_endpoints, codec::since(10).tagged(0));
  }
};

}  // namespace tidelog::protocol
