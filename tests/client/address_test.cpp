#include "tidelog/client/address.hpp"

#include <gtest/gtest.h>

#include "tidelog/client/client_error.hpp"

namespace tidelog::client {
namespace {

TEST(address, port_may_be_left_out) {
  EXPECT_EQ(parse_address("example.org")->text(), "example.org:9092");
  EXPECT_EQ(parse_address("[::1]")->text(), "[::1]:9092");
}

TEST(address, ipv6_is_written_in_brackets) {
  const auto parsed = parse_address("[fe80::1]:19092");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->host, "fe80::1");
  EXPECT_EQ(parsed->port, 19092);
  EXPECT_EQ(parsed->text(), "[fe80::1]:19092");
}

TEST(address, what_is_no_address_is_refused) {
  for (const char* text :
       {"", ":9092", "host:", "host:0", "host:65536", "host:9x", "::1", "[::1", "[::1]9092", "[]:1"}) {
    const auto parsed = parse_address(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, client_errc::bad_address) << text;
  }
}

TEST(address, bootstrap_list_keeps_its_order_and_forgives_spaces) {
  const auto parsed = parse_bootstrap(" a:1, b ,,[::1]:3");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 3U);
  EXPECT_EQ((*parsed)[0].text(), "a:1");
  EXPECT_EQ((*parsed)[1].text(), "b:9092");
  EXPECT_EQ((*parsed)[2].text(), "[::1]:3");
}

TEST(address, empty_bootstrap_list_is_refused) {
  EXPECT_FALSE(parse_bootstrap(""));
  EXPECT_FALSE(parse_bootstrap(" , "));
}

}  // namespace
}  // namespace tidelog::client
