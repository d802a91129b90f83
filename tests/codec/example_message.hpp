#pragma once
// A message with every kind of field, for the tests of the visitors.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/encoded.hpp"
#include "tidelog/codec/message_fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::test {

enum class colour : std::int16_t { red = 1, green = 2 };

struct example_point {
  std::int32_t x = 3;
  std::string name;

  bool operator==(const example_point&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("x", self.x, codec::always);
    visit("name", self.name, codec::since(1));
  }
};

/// Version 0 is the oldest, 1 adds fields, 2 is flexible, 3 moves `note` among the tagged fields.
struct example_message {
  static constexpr codec::version_range versions{0, 3};
  static constexpr std::int16_t flexible_from = 2;

  bool flag = false;
  std::uint16_t port = 0;
  double ratio = 0;
  colour paint = colour::red;
  std::optional<std::string> owner;
  std::vector<std::byte> blob;
  std::optional<std::vector<std::int32_t>> numbers;
  std::vector<std::string> names;
  std::optional<example_point> corner;
  codec::records_payload records;
  std::int64_t epoch = -1;
  std::string note;
  example_point origin;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("flag", self.flag, codec::always);
    visit("port", self.port, codec::always);
    visit("ratio", self.ratio, codec::since(1));
    visit("paint", self.paint, codec::always);
    visit("epoch", self.epoch, codec::since(2).tagged(0));
    visit("owner", self.owner, codec::always.nullable_since(1));
    visit("blob", self.blob, codec::always);
    visit("numbers", self.numbers, codec::always.nullable_since(1));
    visit("names", self.names, codec::between(1, 2));
    visit("corner", self.corner, codec::since(1).nullable_since(2));
    visit("note", self.note, codec::always.tagged_since(1, 3));
    visit("records", self.records, codec::always.nullable_since(1));
    visit("origin", self.origin, codec::since(2).tagged(2));
  }
};

}  // namespace tidelog::test
