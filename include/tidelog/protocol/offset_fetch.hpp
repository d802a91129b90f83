#pragma once
// OffsetFetch: how far groups have read.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// Named up to version 9, by id from 10 on.
struct offset_fetch_request_topic {
  std::string name;
  base::uuid topic_id;
  std::vector<std::int32_t> partition_indexes;

  bool operator==(const offset_fetch_request_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::between(0, 9));
    visit("topicId", self.topic_id, codec::since(10));
    visit("partitionIndexes", self.partition_indexes, codec::always);
  }
};

/// No topics at all (null) asks for everything that the group has committed. Members of the consumer protocol give
/// their id and epoch.
struct offset_fetch_request_group {
  std::string group_id;
  std::optional<std::string> member_id;
  std::int32_t member_epoch = -1;
  std::optional<std::vector<offset_fetch_request_topic>> topics;

  bool operator==(const offset_fetch_request_group&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::since(8));
    visit("memberId", self.member_id, codec::since(9).nullable_since(9));
    visit("memberEpoch", self.member_epoch, codec::since(9));
    visit("topics", self.topics, codec::since(8).nullable_since(8));
  }
};

/// One group (`group_id`, `topics`) up to version 7, any number of them from 8 on. `require_stable` asks for
/// UNSTABLE_OFFSET_COMMIT where a transaction has not decided yet.
struct offset_fetch_request {
  static constexpr api_key key = api_key::offset_fetch;
  static constexpr codec::version_range versions{1, 10};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string group_id;
  std::optional<std::vector<offset_fetch_request_topic>> topics;
  std::vector<offset_fetch_request_group> groups;
  bool require_stable = false;

  bool operator==(const offset_fetch_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::between(0, 7));
    visit("topics", self.topics, codec::between(0, 7).nullable_since(2));
    visit("groups", self.groups, codec::since(8));
    visit("requireStable", self.require_stable, codec::since(7));
  }
};

/// `committed_offset` is -1 where nothing was committed; that is no error.
struct offset_fetch_response_partition {
  std::int32_t partition_index = 0;
  std::int64_t committed_offset = 0;
  std::int32_t committed_leader_epoch = -1;
  std::optional<std::string> metadata;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const offset_fetch_response_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("committedOffset", self.committed_offset, codec::always);
    visit("committedLeaderEpoch", self.committed_leader_epoch, codec::since(5));
    visit("metadata", self.metadata, codec::always.nullable_since(0));
    visit("errorCode", self.error_code, codec::always);
  }
};

struct offset_fetch_response_topic {
  std::string name;
  base::uuid topic_id;
  std::vector<offset_fetch_response_partition> partitions;

  bool operator==(const offset_fetch_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::between(0, 9));
    visit("topicId", self.topic_id, codec::since(10));
    visit("partitions", self.partitions, codec::always);
  }
};

struct offset_fetch_response_group {
  std::string group_id;
  std::vector<offset_fetch_response_topic> topics;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const offset_fetch_response_group&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::since(8));
    visit("topics", self.topics, codec::since(8));
    visit("errorCode", self.error_code, codec::since(8));
  }
};

/// `topics` and `error_code` answer the one group of versions up to 7.
struct offset_fetch_response {
  static constexpr api_key key = api_key::offset_fetch;
  static constexpr codec::version_range versions{1, 10};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<offset_fetch_response_topic> topics;
  protocol::error_code error_code = protocol::error_code::none;
  std::vector<offset_fetch_response_group> groups;

  bool operator==(const offset_fetch_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(3));
    visit("topics", self.topics, codec::between(0, 7));
    visit("errorCode", self.error_code, codec::between(2, 7));
    visit("groups", self.groups, codec::since(8));
  }
};

}  // namespace tidelog::protocol
