#pragma once
// What the visitors of versioned messages must know of a field's type. Only they include this.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/encoded.hpp"
#include "tidelog/codec/message_fields.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace tidelog::codec::traits {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_bytes = std::is_same_v<T, std::vector<std::byte>>;

template <class T>
inline constexpr bool is_array = false;
template <class T>
inline constexpr bool is_array<std::vector<T>> = !is_bytes<std::vector<T>>;

template <class T>
inline constexpr bool is_string = std::is_same_v<T, std::string>;
template <class T>
inline constexpr bool is_records = std::is_same_v<T, records_payload>;
template <class T>
inline constexpr bool is_uuid = std::is_same_v<T, base::uuid>;
/// Integers, and enumerations of integers.
template <class T>
inline constexpr bool is_integer = (std::is_integral_v<T> && !std::is_same_v<T, bool>) || std::is_enum_v<T>;

template <class T>
inline constexpr bool is_struct = std::is_class_v<T> && !is_optional<T> && !is_bytes<T> && !is_array<T> &&
                                  !is_string<T> && !is_records<T> && !is_uuid<T>;

/// A struct that may be null. In the tagged section it says so with a byte 0 or 1, and where it is absent it is not null
/// but as a fresh one.
template <class T>
inline constexpr bool is_optional_struct = false;
template <class T>
inline constexpr bool is_optional_struct<std::optional<T>> = is_struct<T>;

/// Whether a field with these versions (field_versions or tagged_field_versions) has a tag.
template <class Versions>
inline constexpr bool has_tag = std::is_same_v<Versions, tagged_field_versions>;

template <class T>
[[nodiscard]] constexpr auto as_integer(T value) {
  if constexpr (std::is_enum_v<T>) {
    return static_cast<std::underlying_type_t<T>>(value);
  } else {
    return value;
  }
}

/// How lengths are written: 16 or 32 bits, or varints one higher than the length.
enum class layout { fixed, compact };
/// Whether the version at hand may say null for a field.
enum class null_rule { refused, allowed };

template <class Message>
[[nodiscard]] constexpr layout layout_of(std::int16_t version) {
  return version >= Message::flexible_from ? layout::compact : layout::fixed;
}
[[nodiscard]] constexpr null_rule null_rule_of(field_versions versions, std::int16_t version) {
  return versions.nullable_at(version) ? null_rule::allowed : null_rule::refused;
}

template <class Struct>
[[nodiscard]] const Struct& defaults() {
  static const Struct instance{};
  return instance;
}

/// Finds the field with a tag in an object; a visitor.
template <class T>
struct tagged_field {
  std::int32_t tag;
  const T* found = nullptr;

  template <class Field, class Versions>
  void operator()(const char* /*name*/, const Field& field, Versions versions) {
    if constexpr (has_tag<Versions> && std::is_same_v<Field, T>) {
      if (versions.tag == tag) found = &field;
    }
  }
};

/// Whether a tagged field of Struct holds what a fresh Struct holds; then it is not written.
template <class Struct, class T>
[[nodiscard]] bool is_default(const T& value, std::int32_t tag) {
  tagged_field<T> finder{tag};
  Struct::fields(defaults<Struct>(), finder);
  return *finder.found == value;
}

template <class T>
[[nodiscard]] constexpr std::size_t least_bytes(std::int16_t version, layout form);

/// Adds up the fewest bytes that the fields of a struct can take; a visitor.
struct least_bytes_of_fields {
  std::int16_t version;
  layout form;
  std::size_t bytes = 0;

  template <class Field, class Versions>
  void operator()(const char* /*name*/, const Field& /*field*/, Versions versions) {
    if (versions.placed_at(version)) bytes += least_bytes<Field>(version, form);
  }
};

/// The fewest bytes that a value can take on the wire: what a count of elements is held against.
template <class T>
constexpr std::size_t least_bytes(std::int16_t version, layout form) {
  if constexpr (is_optional<T>) {
    using value_type = typename T::value_type;
    return is_struct<value_type> ? 1 : least_bytes<value_type>(version, form);
  } else if constexpr (is_struct<T>) {
    least_bytes_of_fields sum{version, form};
    T::fields(defaults<T>(), sum);
    return sum.bytes + (form == layout::compact ? 1 : 0);
  } else if constexpr (is_string<T>) {
    return form == layout::compact ? 1 : sizeof(std::int16_t);
  } else if constexpr (is_bytes<T> || is_array<T> || is_records<T>) {
    return form == layout::compact ? 1 : sizeof(std::int32_t);
  } else {
    return sizeof(T);
  }
}

}  // namespace tidelog::codec::traits
