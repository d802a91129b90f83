#include "tidelog/codec/message.hpp"

#include "example_message.hpp"
#include "support/message_filler.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/codec/errc.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"

namespace tidelog::test {

namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

codec::encoded encoded(const example_message& message, std::int16_t version) {
  codec::wire_writer writer;
  codec::encode(message, version, writer);
  return std::move(writer).take();
}

base::result<example_message> decoded(base::byte_span bytes, std::int16_t version) {
  codec::wire_reader reader(bytes);
  auto message = codec::decode<example_message>(reader, version);
  EXPECT_TRUE(!message || reader.remaining() == 0);
  return message;
}

example_message sample() {
  example_message message;
  message.flag = true;
  message.port = 0xfffe;
  message.ratio = 1.0;
  message.paint = colour::green;
  message.owner = "me";
  message.blob = bytes_of({7});
  message.numbers = std::vector<std::int32_t>{-1};
  message.names = {"a"};
  message.corner = example_point{5, "c"};
  message.records.present = true;
  message.epoch = 9;
  message.note = "n";
  message.origin.x = 4;
  return message;
}

}  // namespace

TEST(message_encoder, writes_fixed_lengths_before_the_flexible_versions) {
  EXPECT_EQ(encoded(sample(), 0).memory, bytes_of({1, 0xff, 0xfe,                               // flag, port
                                                   0, 2,                                        // paint
                                                   0, 2,    'm',  'e',                          // owner
                                                   0, 0,    0,    1,   7,                       // blob
                                                   0, 0,    0,    1,   0xff, 0xff, 0xff, 0xff,  // numbers
                                                   0, 1,    'n',         // note, not yet tagged
                                                   0, 0,    0,    0}));  // records
}

TEST(message_encoder, writes_compact_lengths_and_tags_in_flexible_versions) {
  EXPECT_EQ(encoded(sample(), 3).memory,
            bytes_of({1,    0xff, 0xfe,                         // flag, port
                      0x3f, 0xf0, 0,    0,    0,    0, 0,   0,  // ratio
                      0,    2,                                  // paint
                      3,    'm',  'e',                          // owner
                      2,    7,                                  // blob
                      2,    0xff, 0xff, 0xff, 0xff,             // numbers; names are gone in this version
                      1,    0,    0,    0,    5,    2, 'c', 0,  // corner is there, its fields, its tags
                      1,                                        // records
                      3,                                        // three tagged fields
                      0,    8,    0,    0,    0,    0, 0,   0, 0, 9,  // epoch
                      1,    2,    2,    'n',                          // note
                      2,    6,    0,    0,    0,    4, 1,   0}));     // origin
}

TEST(message_encoder, leaves_out_tagged_fields_that_hold_their_defaults) {
  auto message = sample();
  message.epoch = -1;
  message.note.clear();
  message.origin = example_point{};
  const auto bytes = encoded(message, 3).memory;
  EXPECT_EQ(bytes.back(), std::byte{0});
  EXPECT_EQ(bytes.size(), encoded(sample(), 3).memory.size() - 22);
}

TEST(message_encoder, says_null_where_the_version_can_and_empty_where_it_cannot) {
  EXPECT_EQ(encoded({}, 0).memory, bytes_of({0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  auto old_bytes = encoded({}, 0).memory;
  const auto from_old = decoded(old_bytes, 0).value();
  EXPECT_EQ(from_old.owner, "");
  EXPECT_EQ(from_old.numbers, std::vector<std::int32_t>{});
  EXPECT_TRUE(from_old.records.present);

  for (const std::int16_t version : std::initializer_list<std::int16_t>{1, 2, 3}) {
    auto bytes = encoded({}, version).memory;
    const auto message = decoded(bytes, version).value();
    EXPECT_EQ(message.owner, std::nullopt) << version;
    EXPECT_EQ(message.numbers, std::nullopt) << version;
    EXPECT_FALSE(message.records.present) << version;
    EXPECT_EQ(message.corner.has_value(), version == 1) << version;
  }
}

TEST(message_encoder, cuts_text_that_the_format_cannot_say_between_characters) {
  example_message message;
  message.owner = std::string(32766, 'x') + "ż and more";
  for (const std::int16_t version : std::initializer_list<std::int16_t>{0, 3}) {
    auto bytes = encoded(message, version).memory;
    EXPECT_EQ(decoded(bytes, version).value().owner, std::string(32766, 'x')) << version;
  }
}

TEST(message_encoder, puts_slices_behind_the_length_that_counts_them) {
  auto message = sample();
  auto own_bytes = bytes_of({1, 2, 3});
  message.records.bytes = own_bytes;
  message.records.slices = {{nullptr, 10, 100}, {nullptr, 20, 200}};
  const auto made = encoded(message, 0);
  ASSERT_EQ(made.inserts.size(), 2U);
  EXPECT_EQ(made.inserts[0].at, made.memory.size());
  EXPECT_EQ(made.inserts[1].slice.position, 20U);
  EXPECT_EQ(base::load_big_endian<std::int32_t>(made.memory.data() + made.memory.size() - 7), 303);
  EXPECT_EQ(made.size(), made.memory.size() + 300);
}

TEST(message_decoder, skips_tags_that_it_does_not_know) {
  auto bytes = encoded({}, 3).memory;
  bytes.back() = std::byte{3};
  const auto tags = bytes_of({0, 8, 0, 0, 0, 0, 0, 0, 0, 5, 77, 2, 0xff, 0xff, 0x80, 2, 0});
  bytes.insert(bytes.end(), tags.begin(), tags.end());
  const auto message = decoded(bytes, 3);
  ASSERT_TRUE(message) << message.error().describe();
  EXPECT_EQ(message->epoch, 5);
}

TEST(message_decoder, takes_a_tag_of_a_later_version_for_unknown) {
  auto bytes = encoded({}, 2).memory;
  bytes.back() = std::byte{1};
  const auto note = bytes_of({1, 2, 2, 'n'});
  bytes.insert(bytes.end(), note.begin(), note.end());
  EXPECT_EQ(decoded(bytes, 2).value().note, "");
}

TEST(message_decoder, refuses_a_tagged_field_that_does_not_fill_its_size) {
  for (const int size : {7, 9}) {
    auto bytes = encoded({}, 3).memory;
    bytes.back() = std::byte{1};
    const auto epoch = bytes_of({0, size, 0, 0, 0, 0, 0, 0, 0, 5, 0});
    bytes.insert(bytes.end(), epoch.begin(), epoch.end());
    codec::wire_reader reader(bytes);
    const auto message = codec::decode<example_message>(reader, 3);
    ASSERT_FALSE(message) << size;
    EXPECT_EQ(message.error().code, size == 7 ? codec::errc::truncated : codec::errc::tagged_field_size);
  }
}

TEST(message_decoder, refuses_null_where_the_version_has_none) {
  auto bytes = bytes_of({0, 0, 0, 0, 1, 0xff, 0xff});
  EXPECT_EQ(decoded(bytes, 0).error().code, codec::errc::unexpected_null);
}

TEST(message_decoder, refuses_negative_lengths_that_are_not_null) {
  auto bytes = bytes_of({0, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xfe});
  EXPECT_EQ(decoded(bytes, 0).error().code, codec::errc::bad_length);
}

TEST(message_decoder, refuses_strings_longer_than_any_writer_may_write) {
  auto bytes = bytes_of({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x81, 0x80, 2});
  bytes.resize(bytes.size() + 40000);
  EXPECT_EQ(decoded(bytes, 3).error().code, codec::errc::string_too_long);
}

TEST(message_decoder, refuses_versions_that_the_message_does_not_have) {
  std::vector<std::byte> bytes(100);
  EXPECT_EQ(decoded(bytes, 4).error().code, codec::errc::unsupported_version);
  EXPECT_EQ(decoded(bytes, -1).error().code, codec::errc::unsupported_version);
}

TEST(message_decoder, hands_records_out_as_a_view_that_can_be_patched) {
  auto bytes = bytes_of({0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9});
  const auto message = decoded(bytes, 0);
  ASSERT_TRUE(message) << message.error().describe();
  ASSERT_EQ(message->records.bytes.size(), 1U);
  EXPECT_EQ(message->records.bytes.data(), &bytes.back());
}

TEST(message_printer, writes_the_fields_of_the_version_as_json) {
  EXPECT_EQ(
      codec::print(sample(), 3),
      R"({"flag":true,"port":65534,"ratio":1,"paint":2,"epoch":9,"owner":"me","blob":"Bw==",)"
      R"("numbers":[-1],"corner":{"x":5,"name":"c"},"note":"n","records":0,"origin":{"x":4,"name":""}})");
  EXPECT_EQ(codec::print(example_message{}, 1),
            R"({"flag":false,"port":0,"ratio":0,"paint":1,"owner":null,"blob":"","numbers":null,)"
            R"("names":[],"corner":null,"note":"","records":null})");
}

TEST(message_printer, escapes_what_json_cannot_hold) {
  example_message message;
  message.note = "q\" b\\ \x01 \x7f ż \xff \xc0\x80 \xed\xa0\x80 \xf0\x9f";
  const auto text = codec::print(message, 0);
  EXPECT_NE(text.find(R"(q\" b\\ \u0001 \u007f ż \ufffd \ufffd\ufffd \ufffd\ufffd\ufffd \ufffd\ufffd)"),
            std::string::npos)
      << text;
}

TEST(message_printer, writes_bytes_as_padded_base64) {
  example_message message;
  message.blob = bytes_of({0xb6, 0x91, 0x11, 0x11});
  EXPECT_NE(codec::print(message, 0).find(R"("blob":"tpEREQ==")"), std::string::npos);
  message.blob = bytes_of({0xfb, 0xff, 0xfe, 0xff, 0xff});
  EXPECT_NE(codec::print(message, 0).find(R"("blob":"+//+//8=")"), std::string::npos);
}

TEST(messages, random_ones_survive_a_round_trip_and_no_beginning_of_them_does) {
  const auto seed = random_seed();
  for (std::uint64_t round = 0; round < 400; ++round) {
    value_source from(seed + round);
    const auto version = static_cast<std::int16_t>(round % 4);
    example_message message;
    fill(message, version, from);
    auto bytes = encoded(message, version).memory;
    const auto again = decoded(bytes, version);
    ASSERT_TRUE(again) << again.error().describe();
    ASSERT_EQ(codec::print(*again, version), codec::print(message, version));
    ASSERT_EQ(encoded(*again, version).memory, bytes);
    for (std::size_t length = 0; length < bytes.size(); length += 1 + length / 64) {
      std::vector<std::byte> beginning(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      ASSERT_FALSE(decoded(beginning, version)) << length;
    }
  }
}

}  // namespace tidelog::test
