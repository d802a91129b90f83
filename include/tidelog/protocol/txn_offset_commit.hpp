#pragma once
// TxnOffsetCommit: keeps how far a group has read, once the transaction commits.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// As in offset_commit_request_partition.
struct txn_offset_commit_request_partition {
  std::int32_t partition_index = 0;
  std::int64_t committed_offset = 0;
  std::int32_t committed_leader_epoch = -1;
  std::optional<std::string> committed_metadata;

  bool operator==(const txn_offset_commit_request_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("committedOffset", self.committed_offset, codec::always);
    visit("committedLeaderEpoch", self.committed_leader_epoch, codec::since(2));
    visit("committedMetadata", self.committed_metadata, codec::always.nullable_since(0));
  }
};

struct txn_offset_commit_request_topic {
  std::string name;
  std::vector<txn_offset_commit_request_partition> partitions;

  bool operator==(const txn_offset_commit_request_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// A producer that knows which member it commits for names it, so that one which has left the group cannot.
struct txn_offset_commit_request {
  static constexpr api_key key = api_key::txn_offset_commit;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string transactional_id;
  std::string group_id;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  std::int32_t generation_id = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::vector<txn_offset_commit_request_topic> topics;

  bool operator==(const txn_offset_commit_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::always);
    visit("groupId", self.group_id, codec::always);
    visit("producerId", self.producer_id, codec::always);
    visit("producerEpoch", self.producer_epoch, codec::always);
    visit("generationId", self.generation_id, codec::since(3));
    visit("memberId", self.member_id, codec::since(3));
    visit("groupInstanceId", self.group_instance_id, codec::since(3).nullable_since(3));
    visit("topics", self.topics, codec::always);
  }
};

struct txn_offset_commit_response_partition {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const txn_offset_commit_response_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
  }
};

struct txn_offset_commit_response_topic {
  std::string name;
  std::vector<txn_offset_commit_response_partition> partitions;

  bool operator==(const txn_offset_commit_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct txn_offset_commit_response {
  static constexpr api_key key = api_key::txn_offset_commit;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<txn_offset_commit_response_topic> topics;

  bool operator==(const txn_offset_commit_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
