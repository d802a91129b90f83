#pragma once
// How a versioned message describes itself. A message is a struct whose public members have default initialisers and
// which lists them once, in the order of the wire:
//
//   struct example_request {
//     static constexpr codec::version_range versions{0, 3};
//     static constexpr std::int16_t flexible_from = 2;  // codec::never: it has no compact form
//     std::optional<std::string> owner;
//     std::vector<std::int32_t> partitions;
//     std::int64_t epoch = -1;
//
//     template <class Self, class Visit>
//     static void fields(Self& self, Visit& visit) {
//       visit("owner", self.owner, codec::since(1).nullable_since(2));
//       visit("partitions", self.partitions, codec::always);
//       visit("epoch", self.epoch, codec::since(2).tagged(0));
//     }
//   };
//
// Structs within a message have `fields` only; they stand at namespace scope, since std::optional of a class cannot be
// filled while the class around it is incomplete. Encoder, decoder, printer and the tests' random filler are visitors of
// that list. Types: bool, integers, enumerations of them, double, std::string, std::vector<std::byte> (bytes),
// base::uuid, codec::records_payload, structs, and std::vector of these; std::optional of a string, a vector or a
// struct is what may be null. A struct with a tagged field must be cheap to make; its tagged fields need operator==.
//
// A field that a version does not carry is left at its default when decoded, and is not written whatever it holds.

#include <cstdint>

namespace tidelog::codec {

struct version_range {
  std::int16_t min;
  std::int16_t max;

  [[nodiscard]] constexpr bool contains(std::int16_t version) const {
    return version >= min && version <= max;
  }
};

/// Higher than every version.
inline constexpr std::int16_t never = 0x7fff;

struct tagged_field_versions;

/// Which versions carry a field, and from which on it may be null.
struct field_versions {
  std::int16_t first = 0;
  std::int16_t last = never;
  std::int16_t first_nullable = never;

  [[nodiscard]] constexpr field_versions nullable_since(std::int16_t version) const {
    return {first, last, version};
  }
  /// The field travels in the tagged section in every version that carries it.
  [[nodiscard]] constexpr tagged_field_versions tagged(std::int32_t tag) const;
  /// The field travels in the tagged section from a version on, and at its place in those before.
  [[nodiscard]] constexpr tagged_field_versions tagged_since(std::int32_t tag, std::int16_t version) const;

  [[nodiscard]] constexpr bool carried_at(std::int16_t version) const {
    return version >= first && version <= last;
  }
  [[nodiscard]] constexpr bool placed_at(std::int16_t version) const { return carried_at(version); }
  [[nodiscard]] constexpr bool nullable_at(std::int16_t version) const { return version >= first_nullable; }
};

/// The same of a field with a tag. A struct lists its tagged fields in the ascending order of their tags; they may
/// stand between others.
struct tagged_field_versions : field_versions {
  std::int32_t tag;
  std::int16_t first_tagged;

  [[nodiscard]] constexpr bool tagged_at(std::int16_t version) const {
    return carried_at(version) && version >= first_tagged;
  }
  [[nodiscard]] constexpr bool placed_at(std::int16_t version) const {
    return carried_at(version) && version < first_tagged;
  }
};

constexpr tagged_field_versions field_versions::tagged(std::int32_t tag) const {
  return {*this, tag, first};
}
constexpr tagged_field_versions field_versions::tagged_since(std::int32_t tag, std::int16_t version) const {
  return {*this, tag, version};
}

inline constexpr field_versions always{};
[[nodiscard]] constexpr field_versions since(std::int16_t version) {
  return {.first = version};
}
[[nodiscard]] constexpr field_versions between(std::int16_t first, std::int16_t last) {
  return {.first = first, .last = last};
}

}  // namespace tidelog::codec
