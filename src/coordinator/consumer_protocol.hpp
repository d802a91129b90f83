#pragma once
// The bytes that members of a classic group of type "consumer" tell each other (codec/consumer_protocol.hpp), as the
// coordinator looks into them: to know which topics a group reads, and to turn a group from one protocol into the other.
//
//   subscription   version int16 | topics []string | user data nullable bytes
//                  from 1: | owned [](topic string, partitions []int32)   from 2: | generation int32
//                  from 3: | rack nullable string
//   assignment     version int16 | assigned [](topic string, partitions []int32) | user data nullable bytes
//
// A later version only adds fields at the end, so that a version not known is read as the last one known. Any bytes are
// safe: memory grows no faster than the elements really there. Bytes that are no such message fail with
// errc::invalid_request; what follows the last field is not looked at.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/codec/consumer_protocol.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::coordinator {

using codec::consumer_protocol_assignment;
using codec::consumer_protocol_subscription;
using codec::consumer_protocol_topic;
using codec::consumer_protocol_type;

/// The version that the bytes say they have, also one that is not known.
[[nodiscard]] base::result<std::int16_t> consumer_protocol_version(base::byte_view bytes);
[[nodiscard]] base::result<consumer_protocol_subscription> read_subscription(base::byte_view bytes);
[[nodiscard]] base::result<consumer_protocol_assignment> read_assignment(base::byte_view bytes);
/// The topics of a subscription alone: the part that every version has, so that damage behind it does no harm.
[[nodiscard]] base::result<std::vector<std::string>> read_subscribed_topics(base::byte_view bytes);

/// The version, and the message in it. A version above the last one known is written as that; it is not negative.
[[nodiscard]] std::vector<std::byte> write_subscription(const consumer_protocol_subscription& of,
                                                        std::int16_t version);
[[nodiscard]] std::vector<std::byte> write_assignment(const consumer_protocol_assignment& of,
                                                      std::int16_t version);

}  // namespace tidelog::coordinator
