#pragma once
// What the clients of the classic protocol tell each other when their protocol type is "consumer": a member's
// subscription, and what the leader assigned to it. The coordinator hands these bytes on as they are; it looks into
// them to know which topics a group reads, and to turn a group from one protocol to the other.
//
//   subscription   version int16 | topics []string | user data nullable bytes
//                  from 1: | owned [](topic string, partitions []int32)   from 2: | generation int32
//                  from 3: | rack nullable string
//   assignment     version int16 | assigned [](topic string, partitions []int32) | user data nullable bytes
//
// A later version only adds fields at the end, so that a version not known is read as the last one known.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/codec/message_fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::coordinator {

/// The protocol type of groups whose members say what they read in these bytes.
inline constexpr const char* consumer_protocol_type = "consumer";

struct consumer_protocol_partitions {
  std::string topic;
  std::vector<std::int32_t> partitions;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
  friend bool operator==(const consumer_protocol_partitions&, const consumer_protocol_partitions&) = default;
};

struct consumer_protocol_subscription {
  static constexpr codec::version_range versions{0, 3};
  static constexpr std::int16_t flexible_from = codec::never;
  std::vector<std::string> topics;
  std::optional<std::vector<std::byte>> user_data;
  std::vector<consumer_protocol_partitions> owned_partitions;
  std::int32_t generation_id = -1;
  std::optional<std::string> rack_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
    visit("userData", self.user_data, codec::always.nullable_since(0));
    visit("ownedPartitions", self.owned_partitions, codec::since(1));
    visit("generationId", self.generation_id, codec::since(2));
    visit("rackId", self.rack_id, codec::since(3).nullable_since(3));
  }
  friend bool operator==(const consumer_protocol_subscription&,
                         const consumer_protocol_subscription&) = default;
};

struct consumer_protocol_assignment {
  static constexpr codec::version_range versions{0, 3};
  static constexpr std::int16_t flexible_from = codec::never;
  std::vector<consumer_protocol_partitions> assigned_partitions;
  std::optional<std::vector<std::byte>> user_data;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("assignedPartitions", self.assigned_partitions, codec::always);
    visit("userData", self.user_data, codec::always.nullable_since(0));
  }
  friend bool operator==(const consumer_protocol_assignment&, const consumer_protocol_assignment&) = default;
};

/// The version that the bytes say they have. Fails with errc::invalid_request where there is none or it is negative.
[[nodiscard]] base::result<std::int16_t> consumer_protocol_version(base::byte_view bytes);

/// Any bytes are safe: memory grows no faster than the elements really there. Bytes that are no such message fail with
/// errc::invalid_request; what follows the last field is not looked at.
[[nodiscard]] base::result<consumer_protocol_subscription> read_subscription(base::byte_view bytes);
[[nodiscard]] base::result<consumer_protocol_assignment> read_assignment(base::byte_view bytes);
/// The topics of a subscription alone: the part that every version has, so that damage behind it does no harm.
[[nodiscard]] base::result<std::vector<std::string>> read_subscribed_topics(base::byte_view bytes);

/// With the version in front. A version above the last one known is written as that; below 0 is a programmer's error.
[[nodiscard]] std::vector<std::byte> write_subscription(const consumer_protocol_subscription& of,
                                                        std::int16_t version);
[[nodiscard]] std::vector<std::byte> write_assignment(const consumer_protocol_assignment& of,
                                                      std::int16_t version);

}  // namespace tidelog::coordinator
