#include "tidelog/protocol/headers.hpp"

#include "vectors.hpp"

#include <gtest/gtest.h>

#include "tidelog/base/limits.hpp"
#include "tidelog/codec/errc.hpp"
#include "tidelog/protocol/api_versions.hpp"
#include "tidelog/protocol/errc.hpp"
#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/metadata.hpp"

namespace tidelog::protocol {

namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

/// A header from the vectors, whose keys and versions are random, made one of a Produce request.
std::vector<std::byte> as_produce_header(const test::message_vector& vector) {
  auto bytes = vector.bytes;
  const std::int16_t version = vector.version == 2 ? 9 : 3;
  base::store_big_endian(bytes.data(), static_cast<std::int16_t>(api_key::produce));
  base::store_big_endian(bytes.data() + 2, version);
  return bytes;
}

base::byte_span without_size(codec::encoded& frame) {
  return base::byte_span(frame.memory).subspan(4);
}

}  // namespace

TEST(request_header, is_read_as_another_implementation_wrote_it) {
  const auto vectors = test::read_vectors("RequestHeader");
  ASSERT_FALSE(vectors.empty());
  for (const auto& vector : vectors) {
    auto bytes = as_produce_header(vector);
    const auto header = decode_request_header(bytes);
    ASSERT_TRUE(header) << header.error().describe();
    EXPECT_EQ(header->correlation_id, vector.fields.at("correlationId").get<std::int32_t>());
    const auto& client_id = vector.fields.at("clientId");
    EXPECT_EQ(header->client_id,
              client_id.is_null() ? std::nullopt
                                  : std::optional<std::string_view>(client_id.get_ref<const std::string&>()));
    EXPECT_TRUE(header->body.empty());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      std::vector<std::byte> beginning(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_FALSE(decode_request_header(beginning)) << "cut at " << length;
    }
  }
}

TEST(request_header, is_written_as_another_implementation_writes_it) {
  for (const auto& vector : test::read_vectors("RequestHeader")) {
    const auto bytes = as_produce_header(vector);
    const auto& client_id = vector.fields.at("clientId");
    const auto text = client_id.is_null() ? std::string() : client_id.get<std::string>();
    auto frame = finish_frame(begin_request(
        api_key::produce, vector.version == 2 ? 9 : 3, vector.fields.at("correlationId").get<std::int32_t>(),
        client_id.is_null() ? std::nullopt : std::optional<std::string_view>(text)));
    EXPECT_EQ(std::vector(frame.memory.begin() + 4, frame.memory.end()), bytes);
  }
}

TEST(response_header, is_the_same_as_another_implementation_has_it) {
  const auto vectors = test::read_vectors("ResponseHeader");
  ASSERT_FALSE(vectors.empty());
  for (auto vector : vectors) {
    const std::int16_t version = vector.version == 1 ? 9 : 3;
    const auto correlation_id = vector.fields.at("correlationId").get<std::int32_t>();
    const auto header = decode_response_header(vector.bytes, api_key::produce, version);
    ASSERT_TRUE(header) << header.error().describe();
    EXPECT_EQ(header->correlation_id, correlation_id);
    const auto frame = finish_frame(begin_response(api_key::produce, version, correlation_id));
    EXPECT_EQ(std::vector(frame.memory.begin() + 4, frame.memory.end()), vector.bytes);
  }
}

TEST(response_header, of_api_versions_never_has_tags) {
  const auto frame = finish_frame(begin_response(api_key::api_versions, 4, 7));
  EXPECT_EQ(frame.memory, bytes_of({0, 0, 0, 4, 0, 0, 0, 7}));
}

TEST(request_header, with_a_key_that_no_api_has_says_so) {
  auto frame = bytes_of({0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff});
  const auto header = decode_request_header(frame);
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().code, errc::unknown_api);
}

TEST(request_header, of_a_version_from_the_future_is_still_read) {
  auto frame = bytes_of({0, 18, 0, 99, 0, 0, 0, 5, 0, 1, 'c', 0, 42});
  const auto header = decode_request_header(frame);
  ASSERT_TRUE(header) << header.error().describe();
  EXPECT_EQ(header->key, api_key::api_versions);
  EXPECT_EQ(header->version, 99);
  EXPECT_EQ(header->correlation_id, 5);
  EXPECT_EQ(header->client_id, "c");
  const auto request = decode_request<api_versions_request>(*header);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, codec::errc::unsupported_version);
}

TEST(request_header, skips_tags_that_it_does_not_know) {
  auto frame = bytes_of({0, 3, 0, 12, 0, 0, 0, 5, 0xff, 0xff, 2, 0, 2, 1, 2, 0x85, 1, 0, 42});
  const auto header = decode_request_header(frame);
  ASSERT_TRUE(header) << header.error().describe();
  EXPECT_EQ(header->client_id, std::nullopt);
  ASSERT_EQ(header->body.size(), 1U);
  EXPECT_EQ(header->body[0], std::byte{42});
}

TEST(request_header, with_a_negative_client_id_length_other_than_null_is_refused) {
  auto frame = bytes_of({0, 3, 0, 0, 0, 0, 0, 5, 0xff, 0xfe});
  EXPECT_EQ(decode_request_header(frame).error().code, codec::errc::bad_length);
}

TEST(frame, of_a_request_comes_apart_as_it_was_put_together) {
  metadata_request request;
  request.topics.emplace().emplace_back().name = "orders";
  auto frame = encode_request(77, "client", request, 12);
  EXPECT_EQ(base::load_big_endian<std::int32_t>(frame.memory.data()),
            static_cast<std::int32_t>(frame.memory.size() - 4));
  const auto header = decode_request_header(without_size(frame));
  ASSERT_TRUE(header) << header.error().describe();
  EXPECT_EQ(header->key, api_key::metadata);
  EXPECT_EQ(header->version, 12);
  EXPECT_EQ(header->correlation_id, 77);
  EXPECT_EQ(decode_request<metadata_request>(*header).value(), request);
}

TEST(frame, of_a_request_may_have_bytes_behind_its_message) {
  auto frame = encode_request(1, std::nullopt, metadata_request{}, 12);
  frame.memory.insert(frame.memory.end(), 9, std::byte{0xff});
  const auto header = decode_request_header(without_size(frame));
  ASSERT_TRUE(header);
  EXPECT_TRUE(decode_request<metadata_request>(*header));
}

TEST(frame, counts_file_slices_in_its_size_and_leaves_them_in_their_places) {
  fetch_response response;
  auto& topic = response.responses.emplace_back();
  for (std::uint64_t i = 1; i <= 2; ++i) {
    auto& records = topic.partitions.emplace_back().records;
    records.present = true;
    records.slices.push_back({nullptr, 100, i * 1000});
    records.slices.push_back({nullptr, 9000, 5});
  }
  const auto frame = encode_response(3, response, 4);
  ASSERT_EQ(frame.inserts.size(), 4U);
  EXPECT_EQ(frame.size(), frame.memory.size() + 3010);
  EXPECT_EQ(base::load_big_endian<std::int32_t>(frame.memory.data()),
            static_cast<std::int32_t>(frame.size() - 4));
  EXPECT_EQ(frame.inserts[0].at, frame.inserts[1].at);
  // The length of the records stands directly before the first of their slices.
  EXPECT_EQ(base::load_big_endian<std::int32_t>(frame.memory.data() + frame.inserts[0].at - 4), 1005);
  EXPECT_EQ(base::load_big_endian<std::int32_t>(frame.memory.data() + frame.inserts[2].at - 4), 2005);
  EXPECT_EQ(frame.inserts[2].at, frame.memory.size());
}

}  // namespace tidelog::protocol
