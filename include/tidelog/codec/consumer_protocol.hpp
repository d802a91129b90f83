#pragma once
// What consumers say to each other through a classic group of protocol type "consumer": the metadata of JoinGroup and
// the assignment of SyncGroup. Each is a 16-bit version and then the message in that version.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/codec/message_fields.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::codec {

/// The protocol type of groups whose members speak this.
inline constexpr std::string_view consumer_protocol_type = "consumer";

struct consumer_protocol_topic {
  std::string topic;
  std::vector<std::int32_t> partitions;

  bool operator==(const consumer_protocol_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// What a member wants to read. `user_data` belongs to the assignor; `generation_id` is the one in which the member
/// came to own `owned_partitions`.
struct consumer_protocol_subscription {
  static constexpr codec::version_range versions{0, 3};
  static constexpr std::int16_t flexible_from = codec::never;

  std::vector<std::string> topics;
  std::optional<std::vector<std::byte>> user_data;
  std::vector<consumer_protocol_topic> owned_partitions;
  std::int32_t generation_id = -1;
  std::optional<std::string> rack_id;

  bool operator==(const consumer_protocol_subscription&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
    visit("userData", self.user_data, codec::always.nullable_since(0));
    visit("ownedPartitions", self.owned_partitions, codec::since(1));
    visit("generationId", self.generation_id, codec::since(2));
    visit("rackId", self.rack_id, codec::since(3).nullable_since(3));
  }
};

/// What a member is to read.
struct consumer_protocol_assignment {
  static constexpr codec::version_range versions{0, 3};
  static constexpr std::int16_t flexible_from = codec::never;

  std::vector<consumer_protocol_topic> assigned_partitions;
  std::optional<std::vector<std::byte>> user_data;

  bool operator==(const consumer_protocol_assignment&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("assignedPartitions", self.assigned_partitions, codec::always);
    visit("userData", self.user_data, codec::always.nullable_since(0));
  }
};

/// In the newest version, which older members can read too: what they do not know stands behind what they do.
[[nodiscard]] std::vector<std::byte> encode_with_version(const consumer_protocol_subscription& message);
[[nodiscard]] std::vector<std::byte> encode_with_version(const consumer_protocol_assignment& message);

/// Versions that are newer than the newest known are read as that one. Fails with a codec::errc; any bytes are safe.
[[nodiscard]] base::result<consumer_protocol_subscription> decode_subscription(base::byte_span bytes);
[[nodiscard]] base::result<consumer_protocol_assignment> decode_assignment(base::byte_span bytes);

}  // namespace tidelog::codec
