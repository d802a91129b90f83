#pragma once
// ElectLeaders: gives partitions a leader; here it opens those again that are offline.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// With `unclean` a leader may be one that has not kept up.
enum class election_type : std::int8_t { preferred = 0, unclean = 1 };

struct elect_leaders_topic {
  std::string topic;
  std::vector<std::int32_t> partitions;

  bool operator==(const elect_leaders_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// No topics: all partitions of all topics.
struct elect_leaders_request {
  static constexpr api_key key = api_key::elect_leaders;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  protocol::election_type election_type = protocol::election_type::preferred;
  std::optional<std::vector<elect_leaders_topic>> topic_partitions;
  std::int32_t timeout_ms = 60000;

  bool operator==(const elect_leaders_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("electionType", self.election_type, codec::since(1));
    visit("topicPartitions", self.topic_partitions, codec::always.nullable_since(0));
    visit("timeoutMs", self.timeout_ms, codec::always);
  }
};

struct elect_leaders_partition_result {
  std::int32_t partition_id = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;

  bool operator==(const elect_leaders_partition_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionId", self.partition_id, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
  }
};

struct elect_leaders_topic_result {
  std::string topic;
  std::vector<elect_leaders_partition_result> partition_result;

  bool operator==(const elect_leaders_topic_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitionResult", self.partition_result, codec::always);
  }
};

struct elect_leaders_response {
  static constexpr api_key key = api_key::elect_leaders;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::vector<elect_leaders_topic_result> replica_election_results;

  bool operator==(const elect_leaders_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::since(1));
    visit("replicaElectionResults", self.replica_election_results, codec::always);
  }
};

}  // namespace tidelog::protocol
