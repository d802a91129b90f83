#pragma once
// Replicas that a client chose itself. With one broker there is one choice; whatever else is asked for is refused, so
// that nobody believes in copies that are not there.

#include "tidelog/model/types.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tidelog::server {

/// Partitions that one request may create.
inline constexpr std::int64_t most_partitions_of_a_request = 10'000;

/// What is wrong with the brokers chosen for one partition, for people; nothing when they are this one.
[[nodiscard]] std::optional<std::string> assignment_fault(const std::vector<std::int32_t>& brokers,
                                                          model::broker_id self);

}  // namespace tidelog::server
