#pragma once
// Hashes of record keys that stand for the keys themselves: 128 bits of SipHash-2-4 under a key that is drawn at random.
// Two keys with one hash would cost the older of their records, so nobody who chooses the keys may be able to find such
// a pair.

#include "tidelog/base/bytes.hpp"

#include <cstdint>

namespace tidelog::storage {

struct key_hash {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  friend bool operator==(const key_hash&, const key_hash&) = default;
};

class key_hasher {
 public:
  struct secret {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
  };

  explicit key_hasher(const secret& key) : key_(key) {}
  /// With a secret of its own, from the system's source of randomness.
  [[nodiscard]] static key_hasher with_random_secret();

  [[nodiscard]] key_hash operator()(base::byte_view bytes) const;

 private:
  secret key_;
};

}  // namespace tidelog::storage
