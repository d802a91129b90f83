#include <gtest/gtest.h>

#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <set>

namespace tidelog::protocol {

TEST(api_list, has_ascending_keys_and_a_name_for_each) {
  for (std::size_t i = 1; i < all_apis.size(); ++i) EXPECT_LT(all_apis[i - 1].key, all_apis[i].key);
  EXPECT_EQ(api_name(api_key::produce), "Produce");
  EXPECT_EQ(api_name(api_key::describe_topic_partitions), "DescribeTopicPartitions");
  EXPECT_EQ(api_name(static_cast<api_key>(-7)), "unknown");
  EXPECT_EQ(find_api(static_cast<api_key>(4)), nullptr);
}

TEST(error_codes, are_described_by_name_and_sentence) {
  EXPECT_EQ(describe(error_code::none).code, error_code::none);
  EXPECT_EQ(error_name(error_code::offset_out_of_range), "OFFSET_OUT_OF_RANGE");
  EXPECT_EQ(describe(error_code::kafka_storage_error).retry, retry::retriable);
  EXPECT_EQ(describe(error_code::invalid_config).retry, retry::permanent);
  std::set<std::string_view> names;
  for (std::int16_t code = -1; code <= 133; ++code) {
    const auto& info = describe(static_cast<error_code>(code));
    EXPECT_EQ(static_cast<std::int16_t>(info.code), code);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.message.ends_with('.')) << info.name;
  }
}

TEST(error_codes, that_are_not_listed_are_unknown) {
  EXPECT_EQ(describe(static_cast<error_code>(-2)).code, error_code::unknown_server_error);
  EXPECT_EQ(describe(static_cast<error_code>(134)).code, error_code::unknown_server_error);
  EXPECT_EQ(describe(static_cast<error_code>(32767)).code, error_code::unknown_server_error);
}

}  // namespace tidelog::protocol
