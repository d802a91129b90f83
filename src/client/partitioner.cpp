#include "tidelog/client/partitioner.hpp"

#include "tidelog/base/assert.hpp"

#include <cstring>

namespace tidelog::client {
namespace {

constexpr std::uint32_t murmur_seed = 0x9747b28c;
constexpr std::uint32_t murmur_factor = 0x5bd1e995;

constexpr std::uint32_t mixed(std::uint32_t word) {
  word *= murmur_factor;
  word ^= word >> 24;
  return word * murmur_factor;
}

}  // namespace

std::uint32_t murmur2(base::byte_view bytes) {
  auto hash = murmur_seed ^ static_cast<std::uint32_t>(bytes.size());
  while (bytes.size() >= sizeof(std::uint32_t)) {
    // The words are little-endian, unlike everything else in the protocol.
    const auto word = base::byte_swapped(base::load_big_endian<std::uint32_t>(bytes.data()));
    hash = (hash * murmur_factor) ^ mixed(word);
    bytes = bytes.subspan(sizeof(std::uint32_t));
  }
  if (!bytes.empty()) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      hash ^= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
    hash *= murmur_factor;
  }
  hash ^= hash >> 13;
  hash *= murmur_factor;
  return hash ^ (hash >> 15);
}

model::partition_index partition_of_key(base::byte_view key, std::int32_t partition_count) {
  TIDELOG_ASSERT(partition_count > 0, "partition_count={}", partition_count);
  const auto positive = static_cast<std::int32_t>(murmur2(key) & 0x7fffffffU);
  return model::partition_index(positive % partition_count);
}

model::partition_index default_partitioner::pick(const std::optional<base::byte_view>& key,
                                                 std::int32_t partition_count) {
  TIDELOG_ASSERT(partition_count > 0, "partition_count={}", partition_count);
  if (key) return partition_of_key(*key, partition_count);
  if (sticky_ && sticky_->value() < partition_count) return *sticky_;
  std::uniform_int_distribution<std::int32_t> any(0, partition_count - 1);
  auto next = any(random_);
  if (previous_ && previous_->value() == next) next = (next + 1) % partition_count;
  sticky_ = model::partition_index(next);
  return *sticky_;
}

void default_partitioner::batch_completed() {
  previous_ = sticky_;
  sticky_.reset();
}

}  // namespace tidelog::client
