#pragma once
// Defines codec::print. For the .cpp that owns a message; everybody else includes message.hpp.

#include "tidelog/codec/message.hpp"
#include "tidelog/codec/message_traits.hpp"

#include <string_view>

namespace tidelog::codec {

namespace detail {

using namespace traits;  // NOLINT(google-build-using-namespace): one private vocabulary

/// Append a JSON string. What is no UTF-8 is shown as U+FFFD, so that the text is JSON whatever a client sent.
void print_string(std::string& to, std::string_view text);
void print_base64(std::string& to, base::byte_view bytes);

template <class Struct>
void print_struct(std::string& to, const Struct& value, std::int16_t version);

template <class T>
void print_value(std::string& to, const T& value, std::int16_t version) {
  if constexpr (is_optional<T>) {
    if (value) {
      print_value(to, *value, version);
    } else {
      to += "null";
    }
  } else if constexpr (std::is_same_v<T, bool>) {
    to += value ? "true" : "false";
  } else if constexpr (is_integer<T>) {
    to += fmt::format("{}", as_integer(value));
  } else if constexpr (std::is_same_v<T, double>) {
    to += fmt::format("{}", value);
  } else if constexpr (is_string<T>) {
    print_string(to, value);
  } else if constexpr (is_bytes<T>) {
    print_base64(to, value);
  } else if constexpr (is_uuid<T>) {
    print_string(to, value.text());
  } else if constexpr (is_records<T>) {
    to += value.present ? fmt::format("{}", value.size()) : "null";
  } else if constexpr (is_array<T>) {
    to += '[';
    for (const auto& element : value) {
      if (&element != value.data()) to += ',';
      print_value(to, element, version);
    }
    to += ']';
  } else {
    print_struct(to, value, version);
  }
}

/// Prints the fields that the version carries, but of the tagged ones only those that would be written; a visitor.
template <class Struct>
class field_printer {
 public:
  field_printer(std::string& to, std::int16_t version) : to_(to), version_(version) {}

  template <class Field, class Versions>
  void operator()(const char* name, const Field& field, Versions versions) {
    if (!versions.carried_at(version_)) return;
    if constexpr (has_tag<Versions>) {
      if (versions.tagged_at(version_) && is_default<Struct>(field, versions.tag)) return;
    }
    to_ += first_ ? "\"" : ",\"";
    first_ = false;
    to_ += name;
    to_ += "\":";
    print_value(to_, field, version_);
  }

 private:
  std::string& to_;
  std::int16_t version_;
  bool first_ = true;
};

template <class Struct>
void print_struct(std::string& to, const Struct& value, std::int16_t version) {
  to += '{';
  field_printer<Struct> printer(to, version);
  Struct::fields(value, printer);
  to += '}';
}

}  // namespace detail

template <class Message>
std::string print(const Message& message, std::int16_t version) {
  std::string text;
  detail::print_struct(text, message, version);
  return text;
}

}  // namespace tidelog::codec
