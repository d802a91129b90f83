#include "tidelog/storage/log_directory_names.hpp"

#include <gtest/gtest.h>

#include "tidelog/base/limits.hpp"

namespace tidelog::storage {
namespace {

constexpr const char* hex = "0123456789abcdef0123456789abcdef";

std::string described(std::string_view name) {
  const auto parsed = parse_directory_name(name);
  if (!parsed) return "none";
  constexpr const char* states[] = {"in use", "being deleted", "stray", "future"};
  return parsed->partition.topic + " " + std::to_string(parsed->partition.partition.value()) + " " +
         states[static_cast<int>(parsed->state)];
}

TEST(log_directory_names_test, partition_directories_are_recognised_in_every_state) {
  EXPECT_EQ(described("orders-0"), "orders 0 in use");
  EXPECT_EQ(described("a-b.c_d-12"), "a-b.c_d 12 in use");
  EXPECT_EQ(described("__cluster_metadata-0"), "__cluster_metadata 0 in use");
  EXPECT_EQ(described("x-2147483647"), "x 2147483647 in use");
  EXPECT_EQ(described(std::string("a.b-3.") + hex + "-delete"), "a.b 3 being deleted");
  EXPECT_EQ(described(std::string("a.b-3.") + hex + "-stray"), "a.b 3 stray");
  EXPECT_EQ(described(std::string("a.b-3.") + hex + "-future"), "a.b 3 future");
  EXPECT_EQ(described(std::string("a-1.") + hex + "-delete-0"),
            std::string("a-1.") + hex + "-delete 0 in use");
}

TEST(log_directory_names_test, other_names_are_nobodys_partition) {
  for (const auto* name :
       {"", "-", "orders", "orders-", "-0", "orders-x", "orders-01", "orders--1x", "orders-2147483648",
        "lost+found", "or ders-0", ".-0", "..-0", "orders-0.tmp", "orders-0-delete",
        "orders-0.0123456789ABCDEF0123456789ABCDEF-delete", "orders-0.0123-delete",
        "orders.0123456789abcdef0123456789abcdef-delete", ".0123456789abcdef0123456789abcdef-delete"}) {
    EXPECT_EQ(described(name), "none") << name;
  }
}

TEST(log_directory_names_test, topic_names_are_those_kafka_takes) {
  EXPECT_TRUE(is_topic_name("a"));
  EXPECT_TRUE(is_topic_name("..."));
  EXPECT_TRUE(is_topic_name(std::string(249, 'a')));
  EXPECT_FALSE(is_topic_name(std::string(250, 'a')));
  EXPECT_FALSE(is_topic_name(""));
  EXPECT_FALSE(is_topic_name("."));
  EXPECT_FALSE(is_topic_name(".."));
  EXPECT_FALSE(is_topic_name("a/b"));
  EXPECT_FALSE(is_topic_name("\xc3\xa9"));
}

TEST(log_directory_names_test, name_out_of_use_is_kafkas) {
  const base::uuid id = base::random_uuid();
  EXPECT_EQ(
      directory_name_out_of_use({"orders", model::partition_index(4)}, id, directory_state::being_deleted),
      "orders-4." + id.hex() + "-delete");
  EXPECT_EQ(directory_name_out_of_use({"orders", model::partition_index(4)}, id, directory_state::stray),
            "orders-4." + id.hex() + "-stray");
}

TEST(log_directory_names_test, long_topic_is_cut_so_that_the_name_fits) {
  const model::topic_partition longest{std::string(base::limits::topic_name_bytes, 't'),
                                       model::partition_index(2147483647)};
  const auto name = directory_name_out_of_use(longest, base::random_uuid(), directory_state::being_deleted);
  EXPECT_EQ(name.size(), base::limits::file_name_bytes);
  const auto parsed = parse_directory_name(name);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->partition.partition, longest.partition);
  EXPECT_EQ(parsed->state, directory_state::being_deleted);
}

}  // namespace
}  // namespace tidelog::storage
