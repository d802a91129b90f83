#include "tidelog/tools/cli.hpp"

#include "support/temp_directory.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/tools/exit_code.hpp"

#include <fstream>
#include <vector>

namespace tidelog::tools {
namespace {

struct outcome {
  int code;
  std::string printed;
  std::string complained;
};

outcome run(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tidelog");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_tidelog(static_cast<int>(arguments.size()), arguments.data(), "test");
  std::fflush(stdout);
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

constexpr int usage = static_cast<int>(exit_code::usage);

TEST(cli, wrong_command_lines_are_told_apart_from_failures) {
  const std::vector<std::vector<const char*>> wrong{
      {},
      {"topic"},
      {"topic", "create"},
      {"topic", "create", "t", "--partitions", "0"},
      {"topic", "create", "t", "--partitions", "many"},
      {"topic", "list", "--nonsense"},
      {"topic", "alter", "t"},
      {"config", "get", "orders"},
      {"config", "set", "topic:t", "retention.ms"},
      {"produce", "t", "--compression", "rar"},
      {"produce", "t", "--acks", "2"},
      {"produce", "t", "--delimiter", ""},
      {"produce", "t", "--transaction-records", "5"},
      {"produce", "t", "--transactional-id", "i", "--transaction-records", "0"},
      {"produce", "t", "--transactional-id", "i", "--transaction-timeout", "long"},
      {"produce", "t", "--transactional-id", "i", "--acks", "1"},
      {"produce", "t", "--transactional-id", "i", "--no-idempotence"},
      {"consume", "t", "--format", "%z"},
      {"consume", "t", "--from", "yesterday"},
      {"consume", "t", "--from", "-5"},
      {"consume", "t", "--group", "g", "--partition", "0"},
      {"consume", "t", "--instance", "i"},
      {"offset", "list", "t", "--at", "noon"},
      {"--bootstrap", "host:port", "topic", "list"},
      {"--timeout", "soon", "topic", "list"},
      {"--output", "xml", "topic", "list"},
      {"record", "delete", "t"},
      {"group"},
      {"group", "describe"},
      {"group", "describe", "g", "--all"},
      {"group", "describe", "g", "--rate", "fast"},
      {"group", "describe", "g", "--members", "--state"},
      {"group", "delete"},
      {"group", "offsets"},
      {"group", "offsets", "reset", "g", "--topic", "t"},
      {"group", "offsets", "reset", "g", "--to-earliest"},
      {"group", "offsets", "reset", "g", "--topic", "t", "--to-earliest", "--to-latest"},
      {"group", "offsets", "reset", "g", "--topic", "t", "--all-topics", "--to-latest"},
      {"group", "offsets", "reset", "g", "--topic", "t:x", "--to-latest"},
      {"group", "offsets", "reset", "g", "--topic", "t", "--to-offset", "-1"},
      {"group", "offsets", "reset", "g", "--topic", "t", "--to-datetime", "noon"},
      {"group", "offsets", "reset", "g", "--topic", "t", "--by-duration", "P"},
      {"group", "offsets", "import", "g"},
      {"group", "offsets", "delete", "g"},
      {"transaction"},
      {"transaction", "list", "--older-than", "long"},
      {"transaction", "list", "--producer-id", "x"},
      {"transaction", "describe"},
      {"transaction", "producers"},
      {"transaction", "producers", "t", "--partition", "x"},
      {"transaction", "find-hanging", "--max-transaction-timeout", "long"},
      {"transaction", "abort"},
      {"transaction", "abort", "t", "--start-offset", "1"},
      {"transaction", "abort", "t", "--partition", "0"},
      {"transaction", "abort", "t", "--partition", "0", "--start-offset", "-1"},
      {"transaction", "abort", "t", "--partition", "0", "--producer-id", "1"},
      {"transaction", "abort", "t", "--partition", "0", "--producer-epoch", "1"},
      {"transaction", "abort", "t", "--partition", "0", "--producer-id", "1", "--producer-epoch", "1"},
      {"transaction", "abort", "t", "--partition", "0", "--start-offset", "1", "--producer-id", "1",
       "--producer-epoch", "1", "--coordinator-epoch", "0"},
      {"log"},
      {"log", "dump"},
      {"log", "verify"},
      {"log", "verify", ".", "--jobs", "0"},
      {"log", "repair"},
  };
  for (const auto& arguments : wrong) {
    std::string line;
    for (const auto* const word : arguments) line += std::string(word) + " ";
    const auto got = run(arguments);
    EXPECT_EQ(got.code, usage) << line;
    EXPECT_TRUE(got.printed.empty()) << line;
    EXPECT_FALSE(got.complained.empty()) << line;
  }
}

TEST(cli, every_help_text_has_examples) {
  const std::vector<std::vector<const char*>> commands{
      {},
      {"topic"},
      {"topic", "create"},
      {"topic", "list"},
      {"topic", "describe"},
      {"topic", "alter"},
      {"topic", "delete"},
      {"config"},
      {"config", "get"},
      {"config", "set"},
      {"config", "unset"},
      {"produce"},
      {"consume"},
      {"offset"},
      {"offset", "list"},
      {"record"},
      {"record", "delete"},
      {"cluster"},
      {"cluster", "info"},
      {"group"},
      {"group", "list"},
      {"group", "describe"},
      {"group", "delete"},
      {"group", "offsets"},
      {"group", "offsets", "reset"},
      {"group", "offsets", "export"},
      {"group", "offsets", "import"},
      {"group", "offsets", "delete"},
      {"transaction"},
      {"transaction", "list"},
      {"transaction", "describe"},
      {"transaction", "producers"},
      {"transaction", "find-hanging"},
      {"transaction", "abort"},
      {"log"},
      {"log", "dump"},
      {"log", "verify"},
      {"log", "repair"},
  };
  for (auto arguments : commands) {
    arguments.push_back("--help");
    const auto got = run(arguments);
    EXPECT_EQ(got.code, 0);
    EXPECT_NE(got.printed.find("Examples:\n  tidelog "), std::string::npos) << got.printed;
  }
}

TEST(cli, first_help_text_lists_the_exit_codes) {
  const auto got = run({"--help"});
  EXPECT_NE(got.printed.find(exit_code_help()), std::string::npos);
}

TEST(cli, unreachable_broker_is_named_with_advice) {
  // Port 1 is reserved, and nobody listens there.
  const auto got = run({"-b", "127.0.0.1:1", "topic", "list"});
  EXPECT_EQ(got.code, static_cast<int>(exit_code::unreachable));
  EXPECT_NE(got.complained.find("127.0.0.1:1"), std::string::npos);
  EXPECT_NE(got.complained.find("Is tidelogd running"), std::string::npos);
}

TEST(cli, global_options_may_stand_behind_the_command) {
  EXPECT_EQ(run({"consume", "t", "-o", "json", "-b", "127.0.0.1:1"}).code,
            static_cast<int>(exit_code::unreachable));
}

TEST(cli, file_of_offsets_is_read_before_a_broker_is_asked) {
  const test::temp_directory directory;
  const auto path = (directory.path() / "offsets.csv").string();
  const auto import = [&path] {
    return run({"-b", "127.0.0.1:1", "group", "offsets", "import", "g", "--file", path.c_str()});
  };
  EXPECT_EQ(import().code, static_cast<int>(exit_code::not_found));
  std::ofstream(path) << "orders,0\n";
  const auto broken = import();
  EXPECT_EQ(broken.code, usage);
  EXPECT_NE(broken.complained.find("offsets.csv: line 1"), std::string::npos) << broken.complained;
  std::ofstream(path) << "other,orders,0,1\n";
  EXPECT_EQ(import().code, usage);
  std::ofstream(path) << "orders,0,1\n";
  EXPECT_EQ(import().code, static_cast<int>(exit_code::unreachable));
}

class dump_test : public testing::Test {
 protected:
  std::string write(const std::string& name, base::byte_view content) {
    const auto path = (directory_.path() / name).string();
    std::ofstream(path, std::ios::binary) << base::as_text(content);
    return path;
  }
  static std::vector<std::byte> two_batches() {
    model::record_batch_builder builder;
    builder.add(model::timestamp(1000), base::as_bytes("key"), base::as_bytes("first"));
    auto bytes = builder.build();
    builder.add(model::timestamp(2000), {}, base::as_bytes("second"));
    auto second = builder.build();
    model::set_base_offset(second, model::offset(1));
    bytes.insert(bytes.end(), second.begin(), second.end());
    return bytes;
  }
  test::temp_directory directory_;
};

TEST_F(dump_test, segment_is_shown_batch_by_batch) {
  const auto path = write("00000000000000000000.log", two_batches());
  const auto got = run({"log", "dump", path.c_str(), "--records"});
  EXPECT_EQ(got.code, 0) << got.complained;
  EXPECT_NE(got.printed.find("offsets 0-0"), std::string::npos);
  EXPECT_NE(got.printed.find("offsets 1-1"), std::string::npos);
  EXPECT_NE(got.printed.find("value \"second\""), std::string::npos);
}

TEST_F(dump_test, damaged_segment_is_shown_up_to_the_damage) {
  auto bytes = two_batches();
  bytes.back() ^= std::byte{1};
  const auto path = write("00000000000000000000.log", bytes);
  const auto got = run({"log", "dump", path.c_str()});
  EXPECT_EQ(got.code, static_cast<int>(exit_code::damaged));
  EXPECT_NE(got.printed.find("offsets 0-0"), std::string::npos);
  EXPECT_NE(got.printed.find("DOES NOT HOLD"), std::string::npos);
}

TEST_F(dump_test, torn_segment_is_damaged) {
  auto bytes = two_batches();
  bytes.erase(bytes.end() - 3, bytes.end());
  const auto path = write("00000000000000000000.log", bytes);
  EXPECT_EQ(run({"log", "dump", path.c_str()}).code, static_cast<int>(exit_code::damaged));
}

TEST_F(dump_test, room_in_an_index_is_no_entry) {
  std::vector<std::byte> bytes(32);
  base::store_big_endian<std::int32_t>(bytes.data(), 7);
  base::store_big_endian<std::int32_t>(bytes.data() + 4, 4200);
  const auto path = write("00000000000000000100.index", bytes);
  const auto got = run({"log", "dump", path.c_str(), "-o", "json"});
  EXPECT_EQ(got.code, 0) << got.complained;
  EXPECT_EQ(got.printed, "{\"last_offset\":107,\"position\":4200}\n");
}

TEST_F(dump_test, index_that_does_not_rise_is_damaged) {
  std::vector<std::byte> bytes(16);
  base::store_big_endian<std::int32_t>(bytes.data(), 7);
  base::store_big_endian<std::int32_t>(bytes.data() + 4, 4200);
  base::store_big_endian<std::int32_t>(bytes.data() + 8, 7);
  base::store_big_endian<std::int32_t>(bytes.data() + 12, 8400);
  const auto path = write("00000000000000000000.index", bytes);
  EXPECT_EQ(run({"log", "dump", path.c_str()}).code, static_cast<int>(exit_code::damaged));
}

TEST_F(dump_test, missing_and_unknown_files_are_named) {
  const auto missing = (directory_.path() / "00000000000000000000.log").string();
  const auto got = run({"log", "dump", missing.c_str()});
  EXPECT_EQ(got.code, static_cast<int>(exit_code::not_found));
  EXPECT_NE(got.complained.find(missing), std::string::npos);
  const auto odd = write("notes.txt", {});
  EXPECT_EQ(run({"log", "dump", odd.c_str()}).code, usage);
}

TEST(bench_cli, wrong_command_lines_are_usage_errors) {
  const std::vector<std::vector<const char*>> wrong{{"tidelog-bench"},
                                                    {"tidelog-bench", "produce", "--depth", "0"},
                                                    {"tidelog-bench", "produce", "--batch-bytes", "big"},
                                                    {"tidelog-bench", "fetch", "--acks", "1"},
                                                    {"tidelog-bench", "produce", "--topic-config", "x"}};
  for (const auto& arguments : wrong) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_bench(static_cast<int>(arguments.size()), arguments.data(), "test"), usage);
    EXPECT_FALSE(testing::internal::GetCapturedStderr().empty());
  }
}

}  // namespace
}  // namespace tidelog::tools
