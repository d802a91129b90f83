#pragma once
// What the records of Kafka's internal logs consist of, as data: see record_schema.cpp for the notation.

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace tidelog::tools {

inline constexpr std::int16_t never_flexible = std::numeric_limits<std::int16_t>::max();

struct record_schema {
  std::string_view name;
  std::int16_t type;
  std::int16_t least_version;
  std::int16_t newest_version;
  std::int16_t flexible_from;
  std::string_view fields;
};

enum class record_family {
  metadata,
  control,
  group_key,
  group_value,
  transaction_key,
  transaction_value,
  share_state_key,
  share_state_value,
};
[[nodiscard]] std::span<const record_schema> schemas_of(record_family family);

}  // namespace tidelog::tools
