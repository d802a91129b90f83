#pragma once
// The operations that a client may do, as a set of bits (1 << operation). Without an authorizer everybody may do all
// that there is for the kind of resource.

#include <cstdint>

namespace tidelog::server {

/// Kafka's numbers for operations.
enum class operation : unsigned {
  read = 3,
  write = 4,
  create = 5,
  remove = 6,
  alter = 7,
  describe = 8,
  cluster_action = 9,
  describe_configs = 10,
  alter_configs = 11,
  idempotent_write = 12,
};

template <class... Operations>
[[nodiscard]] constexpr std::int32_t operation_bits(Operations... operations) {
  return static_cast<std::int32_t>(((1U << static_cast<unsigned>(operations)) | ...));
}

inline constexpr std::int32_t all_topic_operations =
    operation_bits(operation::read, operation::write, operation::create, operation::remove, operation::alter,
                   operation::describe, operation::describe_configs, operation::alter_configs);
inline constexpr std::int32_t all_group_operations =
    operation_bits(operation::read, operation::remove, operation::describe, operation::describe_configs,
                   operation::alter_configs);
inline constexpr std::int32_t all_cluster_operations =
    operation_bits(operation::create, operation::alter, operation::describe, operation::cluster_action,
                   operation::describe_configs, operation::alter_configs, operation::idempotent_write);

}  // namespace tidelog::server
