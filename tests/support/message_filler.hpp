#pragma once
// Fills a versioned message with random values: another visitor of its field list, for round trips.

#include "tidelog/codec/message_traits.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace tidelog::test {

/// Where random values come from. Owns the bytes that records_payloads view, so it must outlive the messages.
class value_source {
 public:
  explicit value_source(std::uint64_t seed) : engine_(seed) {}

  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }

  /// Often an edge: zero, -1, the smallest, the largest.
  template <std::integral T>
  [[nodiscard]] T integer() {
    switch (below(6)) {
      case 0:
        return T{0};
      case 1:
        return static_cast<T>(-1);
      case 2:
        return std::numeric_limits<T>::min();
      case 3:
        return std::numeric_limits<T>::max();
      default:
        return static_cast<T>(engine_());
    }
  }
  [[nodiscard]] std::string text() {
    static constexpr std::array pieces{"", "a", "topic-1", "żółć", "日本語", "\"\\\n\x01", "group.id_2"};
    if (below(16) == 0) return std::string(100 + below(400), 'x');
    return pieces[below(pieces.size())];
  }
  [[nodiscard]] std::vector<std::byte> bytes() {
    std::vector<std::byte> made(below(8) == 0 ? below(400) : below(8));
    for (auto& byte : made) byte = static_cast<std::byte>(engine_());
    return made;
  }
  [[nodiscard]] base::byte_span kept_bytes() { return kept_.emplace_back(bytes()); }

 private:
  std::mt19937_64 engine_;
  std::deque<std::vector<std::byte>> kept_;
};

template <class Struct>
void fill(Struct& value, std::int16_t version, value_source& from);

template <class T>
void fill_value(T& value, std::int16_t version, bool nullable, value_source& from) {
  namespace traits = codec::traits;
  if constexpr (traits::is_optional<T>) {
    value.reset();
    if (!nullable || from.below(4) != 0) fill_value(value.emplace(), version, false, from);
  } else if constexpr (std::is_same_v<T, bool>) {
    value = from.below(2) == 1;
  } else if constexpr (traits::is_integer<T>) {
    value = static_cast<T>(from.integer<decltype(traits::as_integer(T{}))>());
  } else if constexpr (std::is_same_v<T, double>) {
    value = static_cast<double>(from.integer<std::int32_t>()) / 8;
  } else if constexpr (traits::is_string<T>) {
    value = from.text();
  } else if constexpr (traits::is_bytes<T>) {
    value = from.bytes();
  } else if constexpr (traits::is_uuid<T>) {
    for (auto& byte : value.bytes) byte = static_cast<std::byte>(from.below(256));
  } else if constexpr (traits::is_records<T>) {
    value.present = !nullable || from.below(4) != 0;
    value.bytes = value.present ? from.kept_bytes() : base::byte_span{};
  } else if constexpr (traits::is_array<T>) {
    value.clear();
    for (auto left = from.below(4); left != 0; --left) fill_value(value.emplace_back(), version, false, from);
  } else {
    fill(value, version, from);
  }
}

/// Gives every field that the version carries a value that the version can say.
template <class Struct>
void fill(Struct& value, std::int16_t version, value_source& from) {
  auto visit = [&](const char* /*name*/, auto& field, auto versions) {
    if (!versions.carried_at(version)) return;
    if constexpr (codec::traits::has_tag<decltype(versions)>) {
      if (from.below(3) == 0) return;
    }
    fill_value(field, version, versions.nullable_at(version), from);
  };
  Struct::fields(value, visit);
}

}  // namespace tidelog::test
