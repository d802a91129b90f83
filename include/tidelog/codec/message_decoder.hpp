#pragma once
// Defines codec::decode. For the .cpp that owns a message; everybody else includes message.hpp.

#include "tidelog/codec/message.hpp"
#include "tidelog/codec/message_traits.hpp"
#include "tidelog/codec/wire_reader.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::codec {

namespace detail {

using namespace traits;  // NOLINT(google-build-using-namespace): one private vocabulary

/// Lengths and values as one version of one message has them.
class value_reader {
 public:
  value_reader(wire_reader& reader, std::int16_t version, layout form)
      : reader_(reader), version_(version), form_(form) {}

  template <class T>
  void read(T& value, null_rule null) {
    if constexpr (is_optional<T>) {
      read_optional(value, null);
    } else if constexpr (std::is_same_v<T, bool>) {
      value = reader_.read_integer<std::int8_t>() != 0;
    } else if constexpr (is_integer<T>) {
      value = static_cast<T>(reader_.read_integer<decltype(as_integer(T{}))>());
    } else if constexpr (std::is_same_v<T, double>) {
      value = reader_.read_double();
    } else if constexpr (is_uuid<T>) {
      const auto view = reader_.read_bytes(value.bytes.size());
      std::copy(view.begin(), view.end(), value.bytes.begin());
    } else if constexpr (is_struct<T>) {
      read_struct(value);
    } else if constexpr (is_records<T>) {
      if (const auto length = read_length<T>(null)) {
        value.bytes = reader_.read_bytes(*length);
        value.present = !reader_.failed();
      }
    } else {
      if (const auto length = read_length<T>(null)) read_sized(value, *length);
    }
  }

  template <class Struct>
  void read_struct(Struct& value);

 private:
  /// Nothing for null, also when the reader failed.
  template <class T>
  [[nodiscard]] std::optional<std::size_t> read_length(null_rule null) {
    std::int64_t length = -1;
    if (form_ == layout::compact) {
      length = std::int64_t{reader_.read_unsigned_varint()} - 1;
    } else if constexpr (is_string<T>) {
      length = reader_.read_integer<std::int16_t>();
    } else {
      length = reader_.read_integer<std::int32_t>();
    }
    if (length >= 0) [[likely]]
      return static_cast<std::size_t>(length);
    if (length < -1) {
      reader_.fail(errc::bad_length);
    } else if (null == null_rule::refused) {
      reader_.fail(errc::unexpected_null);
    }
    return std::nullopt;
  }

  template <class T>
  void read_sized(T& value, std::size_t length) {
    if constexpr (is_string<T>) {
      if (length > static_cast<std::size_t>(std::numeric_limits<std::int16_t>::max())) {
        return reader_.fail(errc::string_too_long);
      }
      value = base::as_text(reader_.read_bytes(length));
    } else if constexpr (is_bytes<T>) {
      const auto view = reader_.read_bytes(length);
      value.assign(view.begin(), view.end());
    } else {
      read_elements(value, length);
    }
  }

  template <class T>
  void read_elements(std::vector<T>& values, std::size_t count) {
    // Nobody's count buys more than this before its elements are seen to be there.
    constexpr std::size_t reserved_unseen = 256;
    values.clear();
    if (!reader_.claim_elements(count, std::max<std::size_t>(least_bytes<T>(version_, form_), 1))) return;
    values.reserve(std::is_arithmetic_v<T> ? count : std::min(count, reserved_unseen));
    for (std::size_t i = 0; i < count && !reader_.failed(); ++i)
      read(values.emplace_back(), null_rule::refused);
  }

  template <class T>
  void read_optional(std::optional<T>& value, null_rule null) {
    if constexpr (is_struct<T>) {
      const bool present = null == null_rule::refused || reader_.read_integer<std::int8_t>() >= 0;
      value.reset();
      if (present) read_struct(value.emplace());
    } else {
      const auto length = read_length<T>(null);
      value.reset();
      if (length) read_sized(value.emplace(), *length);
    }
  }

  template <class T>
  void read_tagged_struct(std::optional<T>& value) {
    const bool present = reader_.read_integer<std::uint8_t>() != 0;
    value.reset();
    if (present) read_struct(value.emplace());
  }

  template <class Struct>
  void read_tagged(Struct& value);

  friend class tagged_reader;

  wire_reader& reader_;
  std::int16_t version_;
  layout form_;
};

/// Reads the fields that have a place; a visitor.
class placed_reader {
 public:
  placed_reader(value_reader& values, std::int16_t version) : values_(values), version_(version) {}

  template <class Field, class Versions>
  [[gnu::always_inline]] void operator()(const char* /*name*/, Field& field, Versions versions) {
    if (versions.placed_at(version_)) values_.read(field, null_rule_of(versions, version_));
  }

 private:
  value_reader& values_;
  std::int16_t version_;
};

/// Reads the value of one tag into the field that it belongs to, if there is one; a visitor.
class tagged_reader {
 public:
  tagged_reader(value_reader& values, std::uint32_t tag) : values_(values), tag_(tag) {}

  template <class Field, class Versions>
  [[gnu::always_inline]] void operator()(const char* /*name*/, Field& field, Versions versions) {
    if constexpr (has_tag<Versions>) {
      if (static_cast<std::uint32_t>(versions.tag) != tag_ || !versions.tagged_at(values_.version_)) return;
      if constexpr (is_optional_struct<Field>) {
        values_.read_tagged_struct(field);
      } else {
        values_.read(field, null_rule_of(versions, values_.version_));
      }
      known_ = true;
    }
  }

  [[nodiscard]] bool known() const { return known_; }

 private:
  value_reader& values_;
  std::uint32_t tag_;
  bool known_ = false;
};

/// Structs in the tagged section that may be null are not null until the section says so; a visitor.
class tagged_struct_maker {
 public:
  explicit tagged_struct_maker(std::int16_t version) : version_(version) {}

  template <class Field, class Versions>
  [[gnu::always_inline]] void operator()(const char* /*name*/, Field& field, Versions versions) {
    if constexpr (has_tag<Versions> && is_optional_struct<Field>) {
      if (versions.tagged_at(version_)) field.emplace();
    }
  }

 private:
  std::int16_t version_;
};

template <class Struct>
void value_reader::read_struct(Struct& value) {
  placed_reader placed(*this, version_);
  Struct::fields(value, placed);
  if (form_ == layout::compact) read_tagged(value);
}

template <class Struct>
void value_reader::read_tagged(Struct& value) {
  tagged_struct_maker maker(version_);
  Struct::fields(value, maker);
  // A tag and its size take two bytes at least; a false count meets the end of the bytes and not this loop's patience.
  for (auto left = reader_.read_unsigned_varint(); left != 0 && !reader_.failed(); --left) {
    const auto tag = reader_.read_unsigned_varint();
    const auto size = reader_.read_unsigned_varint();
    const wire_reader::section section(reader_, size);
    tagged_reader tagged(*this, tag);
    Struct::fields(value, tagged);
    if (!tagged.known()) reader_.skip(reader_.remaining());
  }
}

}  // namespace detail

template <class Message>
base::result<Message> decode(wire_reader& reader, std::int16_t version) {
  if (!Message::versions.contains(version))
    return base::fail(errc::unsupported_version, "version {}", version);
  base::result<Message> message;
  detail::value_reader(reader, version, traits::layout_of<Message>(version)).read_struct(*message);
  if (auto outcome = reader.outcome(); !outcome) return base::forward_error(outcome);
  return message;
}

}  // namespace tidelog::codec
