#include "bench_group.hpp"

#include <gtest/gtest.h>

#include "tidelog/protocol/heartbeat.hpp"
#include "tidelog/protocol/offset_commit.hpp"
#include "tidelog/tools/cli.hpp"
#include "tidelog/tools/exit_code.hpp"

namespace tidelog::tools {
namespace {

using protocol::error_code;

struct outcome {
  int code;
  std::string complained;
};

outcome run(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"tidelog-bench", "group"});
  testing::internal::CaptureStderr();
  const auto code = run_bench(static_cast<int>(arguments.size()), arguments.data(), "test");
  return {code, testing::internal::GetCapturedStderr()};
}

TEST(bench_group_commands, wrong_command_lines_are_usage_errors) {
  const std::vector<std::vector<const char*>> wrong{
      {},
      {"sleep"},
      {"heartbeats", "--groups", "0"},
      {"heartbeats", "--members", "1"},
      {"heartbeats", "--interval", "often"},
      {"heartbeats", "--interval", "0s"},
      {"heartbeats", "--rounds", "1"},
      {"rebalance", "--protocol", "share"},
      {"rebalance", "--rounds", "0"},
      {"commits", "--depth", "0"},
      {"commits", "--members", "4"},
  };
  for (const auto& arguments : wrong) {
    const auto got = run(arguments);
    EXPECT_EQ(got.code, static_cast<int>(exit_code::usage)) << testing::PrintToString(arguments);
    EXPECT_FALSE(got.complained.empty());
  }
}

TEST(bench_group_commands, options_that_would_be_ignored_are_refused_by_name) {
  const std::vector<std::vector<const char*>> wrong{
      {"commits", "--batch-bytes", "1KiB"}, {"heartbeats", "--rate", "10"},
      {"rebalance", "--connections", "3"},  {"rebalance", "--duration", "3s"},
      {"memory", "--threads", "2"},
  };
  for (const auto& arguments : wrong) {
    const auto got = run(arguments);
    EXPECT_EQ(got.code, static_cast<int>(exit_code::usage));
    EXPECT_NE(got.complained.find(arguments[1]), std::string::npos) << got.complained;
  }
}

TEST(bench_group_commands, members_of_a_group_need_a_connection_each) {
  const auto got = run({"heartbeats", "--members", "4", "--connections", "6"});
  EXPECT_EQ(got.code, static_cast<int>(exit_code::usage));
  EXPECT_NE(got.complained.find("--connections"), std::string::npos) << got.complained;
}

template <class Encode>
base::status check(const Encode& encode, error_code code) {
  auto frame = encode(code);
  const auto looked_at = check_error_code_at(position_of_error_code(encode), "the answer");
  return looked_at(base::byte_span(frame).subspan(sizeof(std::int32_t)));
}

TEST(bench_group_answers, errors_are_found_where_they_stand) {
  for (std::int16_t version = 0; version <= protocol::heartbeat_response::versions.max; ++version) {
    const auto encode = [version](error_code code) {
      protocol::heartbeat_response response;
      response.error_code = code;
      return protocol::encode_response(7, response, version).memory;
    };
    EXPECT_TRUE(check(encode, error_code::none));
    EXPECT_EQ(check(encode, error_code::rebalance_in_progress).error().code,
              client::broker_error(error_code::rebalance_in_progress));
  }
  for (std::int16_t version = 2; version <= protocol::offset_commit_response::versions.max; ++version) {
    const auto encode = [version](error_code code) {
      protocol::offset_commit_response response;
      auto& topic = response.topics.emplace_back();
      topic.name = "orders";
      topic.partitions.push_back({3, code});
      return protocol::encode_response(7, response, version).memory;
    };
    EXPECT_TRUE(check(encode, error_code::none));
    EXPECT_EQ(check(encode, error_code::offset_metadata_too_large).error().code,
              client::broker_error(error_code::offset_metadata_too_large));
  }
}

TEST(bench_group_answers, short_ones_are_malformed) {
  std::vector<std::byte> answer(5);
  const auto looked_at = check_error_code_at(4, "the answer");
  EXPECT_EQ(looked_at(answer).error().code, client::client_errc::malformed_answer);
}

}  // namespace
}  // namespace tidelog::tools
