#pragma once
// Defines codec::encode. For the .cpp that owns a message; everybody else includes message.hpp.

#include "tidelog/base/assert.hpp"
#include "tidelog/codec/message.hpp"
#include "tidelog/codec/message_traits.hpp"
#include "tidelog/codec/wire_writer.hpp"

#include <limits>

namespace tidelog::codec {

/// `text`, or its longest beginning of whole characters that a string of the format can hold.
[[nodiscard]] std::string_view fitting_text(std::string_view text);

namespace detail {

using namespace traits;  // NOLINT(google-build-using-namespace): one private vocabulary

/// Lengths and values as one version of one message writes them.
class value_writer {
 public:
  value_writer(wire_writer& writer, std::int16_t version, layout form)
      : writer_(writer), version_(version), form_(form) {}

  template <class T>
  void write(const T& value, null_rule null) {
    if constexpr (is_optional<T>) {
      write_optional(value, null);
    } else if constexpr (std::is_same_v<T, bool>) {
      writer_.write_integer<std::int8_t>(value ? 1 : 0);
    } else if constexpr (is_integer<T>) {
      writer_.write_integer(as_integer(value));
    } else if constexpr (std::is_same_v<T, double>) {
      writer_.write_double(value);
    } else if constexpr (is_string<T>) {
      const auto text = value.size() <= longest_string ? std::string_view(value) : fitting_text(value);
      write_string_length(text.size());
      writer_.write_bytes(base::as_bytes(text));
    } else if constexpr (is_bytes<T>) {
      write_length(value.size());
      writer_.write_bytes(value);
    } else if constexpr (is_uuid<T>) {
      writer_.write_bytes(value.bytes);
    } else if constexpr (is_records<T>) {
      write_records(value, null);
    } else if constexpr (is_array<T>) {
      write_length(value.size());
      for (const auto& element : value) write(element, null_rule::refused);
    } else {
      write_struct(value);
    }
  }

  template <class Struct>
  void write_struct(const Struct& value);

  static constexpr std::size_t longest_string = std::numeric_limits<std::int16_t>::max();

 private:
  template <class T>
  void write_optional(const std::optional<T>& value, null_rule null) {
    if constexpr (is_struct<T>) {
      if (null == null_rule::allowed) writer_.write_integer<std::int8_t>(value ? 1 : -1);
      if (value || null == null_rule::refused) write_struct(value ? *value : defaults<T>());
    } else if (value) {
      write(*value, null_rule::refused);
    } else if (null == null_rule::allowed) {
      write_null<T>();
    } else {
      write(defaults<T>(), null_rule::refused);
    }
  }

  template <class T>
  void write_null() {
    if (form_ == layout::compact) {
      writer_.write_unsigned_varint(0);
    } else if constexpr (is_string<T>) {
      writer_.write_integer<std::int16_t>(-1);
    } else {
      writer_.write_integer<std::int32_t>(-1);
    }
  }

  void write_string_length(std::size_t bytes) {
    if (form_ == layout::compact) {
      writer_.write_unsigned_varint(static_cast<std::uint32_t>(bytes) + 1);
    } else {
      writer_.write_integer(static_cast<std::int16_t>(bytes));
    }
  }
  void write_length(std::uint64_t length) {
    TIDELOG_ASSERT(length < std::numeric_limits<std::int32_t>::max(), "length={}", length);
    if (form_ == layout::compact) {
      writer_.write_unsigned_varint(static_cast<std::uint32_t>(length) + 1);
    } else {
      writer_.write_integer(static_cast<std::int32_t>(length));
    }
  }

  void write_records(const records_payload& records, null_rule null) {
    if (!records.present && null == null_rule::allowed) return write_null<records_payload>();
    write_length(records.size());
    writer_.write_bytes(records.bytes);
    for (const auto& slice : records.slices) writer_.write_slice(slice);
  }

  template <class Struct>
  friend class tagged_writer;

  wire_writer& writer_;
  std::int16_t version_;
  layout form_;
};

/// Writes the fields that have a place; a visitor.
class placed_writer {
 public:
  placed_writer(value_writer& values, std::int16_t version) : values_(values), version_(version) {}

  template <class Field, class Versions>
  [[gnu::always_inline]] void operator()(const char* /*name*/, const Field& field, Versions versions) {
    if (versions.placed_at(version_)) values_.write(field, null_rule_of(versions, version_));
  }

 private:
  value_writer& values_;
  std::int16_t version_;
};

/// Writes the tagged section: how many, then tag, size and value of each field that differs from its default; a
/// visitor.
template <class Struct>
class tagged_writer {
 public:
  explicit tagged_writer(value_writer& values) : values_(values), count_at_(values.writer_.position()) {
    values_.writer_.write_integer<std::uint8_t>(0);
  }

  template <class Field, class Versions>
  [[gnu::always_inline]] void operator()(const char* /*name*/, const Field& field, Versions versions) {
    if constexpr (has_tag<Versions>) {
      TIDELOG_ASSERT(versions.tag > last_tag_, "tag={} after={}", versions.tag, last_tag_);
      last_tag_ = versions.tag;
      if (!versions.tagged_at(values_.version_)) return;
      if constexpr (is_optional_struct<Field>) {
        if (field && *field == defaults<typename Field::value_type>()) return;
      } else if (is_default<Struct>(field, versions.tag)) {
        return;
      }
      write(field, versions);
    }
  }

 private:
  template <class Field>
  void write(const Field& field, tagged_field_versions versions) {
    auto& writer = values_.writer_;
    writer.write_unsigned_varint(static_cast<std::uint32_t>(versions.tag));
    const auto begin = writer.position();
    if constexpr (is_optional_struct<Field>) {
      writer.template write_integer<std::uint8_t>(field ? 1 : 0);
      if (field) values_.write_struct(*field);
    } else {
      values_.write(field, null_rule_of(versions, values_.version_));
    }
    writer.prefix_size(begin);
    // One byte holds every count below 128, more tags than any message has.
    writer.template patch_integer<std::uint8_t>(count_at_, ++count_);
  }

  value_writer& values_;
  std::size_t count_at_;
  std::int32_t last_tag_ = -1;
  std::uint8_t count_ = 0;
};

template <class Struct>
void value_writer::write_struct(const Struct& value) {
  placed_writer placed(*this, version_);
  Struct::fields(value, placed);
  if (form_ == layout::fixed) return;
  tagged_writer<Struct> tagged(*this);
  Struct::fields(value, tagged);
}

}  // namespace detail

template <class Message>
void encode(const Message& message, std::int16_t version, wire_writer& writer) {
  TIDELOG_ASSERT(Message::versions.contains(version), "version={}", version);
  detail::value_writer(writer, version, traits::layout_of<Message>(version)).write_struct(message);
}

}  // namespace tidelog::codec
