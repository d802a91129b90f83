#include "cleaner_offset_map.hpp"

#include <algorithm>

namespace tidelog::storage {

offset_map::offset_map(const size_limits& limits) : offset_map(limits, key_hasher::with_random_secret()) {}

offset_map::offset_map(const size_limits& limits, const key_hasher& hasher) : hasher_(hasher) {
  const double load = std::clamp(limits.load_factor, 0.01, 1.0);
  const auto affordable = std::max<std::uint64_t>(limits.most_memory_bytes / sizeof(slot), 2);
  const double wanted = static_cast<double>(limits.most_keys) / load + 2;
  const std::uint64_t slots =
      wanted < static_cast<double>(affordable) ? static_cast<std::uint64_t>(wanted) : affordable;
  slots_.resize(static_cast<std::size_t>(slots));
  // A search ends at a free slot, so there always is one.
  most_keys_ = std::clamp<std::size_t>(static_cast<std::size_t>(static_cast<double>(slots) * load), 1,
                                       slots_.size() - 1);
}

std::size_t offset_map::place_of(const key_hash& hash) const {
  std::size_t place = hash.first % slots_.size();
  while (slots_[place].at != model::no_offset && slots_[place].hash != hash) {
    if (++place == slots_.size()) place = 0;
  }
  return place;
}

offset_map::put_outcome offset_map::put(base::byte_view key, model::offset at) {
  const key_hash hash = hasher_(key);
  slot& place = slots_[place_of(hash)];
  if (place.at == model::no_offset) {
    if (size_ >= most_keys_) return put_outcome::full;
    ++size_;
    place.hash = hash;
  }
  place.at = at;
  return put_outcome::taken;
}

std::optional<model::offset> offset_map::find(base::byte_view key) const {
  const slot& place = slots_[place_of(hasher_(key))];
  if (place.at == model::no_offset) return std::nullopt;
  return place.at;
}

}  // namespace tidelog::storage
