#pragma once
// OffsetCommit: keeps how far a group has read.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// `committed_offset` is the next one to be read. `committed_metadata` is the client's own and comes back as it was.
struct offset_commit_request_partition {
  std::int32_t partition_index = 0;
  std::int64_t committed_offset = 0;
  std::int32_t committed_leader_epoch = -1;
  std::optional<std::string> committed_metadata;

  bool operator==(const offset_commit_request_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("committedOffset", self.committed_offset, codec::always);
    visit("committedLeaderEpoch", self.committed_leader_epoch, codec::since(6));
    visit("committedMetadata", self.committed_metadata, codec::always.nullable_since(0));
  }
};

/// Named up to version 9, by id from 10 on.
struct offset_commit_request_topic {
  std::string name;
  base::uuid topic_id;
  std::vector<offset_commit_request_partition> partitions;

  bool operator==(const offset_commit_request_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::between(0, 9));
    visit("topicId", self.topic_id, codec::since(10));
    visit("partitions", self.partitions, codec::always);
  }
};

/// A member gives its generation (or member epoch); whoever commits without being a member gives -1 and no member id.
/// `retention_time_ms` is a wish of old clients.
struct offset_commit_request {
  static constexpr api_key key = api_key::offset_commit;
  static constexpr codec::version_range versions{2, 10};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string group_id;
  std::int32_t generation_id_or_member_epoch = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::int64_t retention_time_ms = -1;
  std::vector<offset_commit_request_topic> topics;

  bool operator==(const offset_commit_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("generationIdOrMemberEpoch", self.generation_id_or_member_epoch, codec::always);
    visit("memberId", self.member_id, codec::always);
    visit("groupInstanceId", self.group_instance_id, codec::since(7).nullable_since(7));
    visit("retentionTimeMs", self.retention_time_ms, codec::between(2, 4));
    visit("topics", self.topics, codec::always);
  }
};

struct offset_commit_response_partition {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const offset_commit_response_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
  }
};

struct offset_commit_response_topic {
  std::string name;
  base::uuid topic_id;
  std::vector<offset_commit_response_partition> partitions;

  bool operator==(const offset_commit_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::between(0, 9));
    visit("topicId", self.topic_id, codec::since(10));
    visit("partitions", self.partitions, codec::always);
  }
};

struct offset_commit_response {
  static constexpr api_key key = api_key::offset_commit;
  static constexpr codec::version_range versions{2, 10};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<offset_commit_response_topic> topics;

  bool operator==(const offset_commit_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(3));
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
