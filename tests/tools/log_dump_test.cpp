// `tidelog log dump`: what it shows, and that it goes on behind damage.

#include "support_data_directory.hpp"

#include "tidelog/tools/exit_code.hpp"

namespace tidelog::tools {
namespace {

class log_dump : public data_directory_test {};

TEST_F(log_dump, whole_directory_can_be_dumped) {
  const auto got = run({"log", "dump", root().string(), "--records"});
  EXPECT_EQ(got.code, 0) << got.complained;
  EXPECT_NE(got.printed.find("value 2 of batch 59"), std::string::npos);
  EXPECT_NE(got.printed.find("producer 7"), std::string::npos);
  EXPECT_NE(got.printed.find("topic_id: "), std::string::npos);
}

TEST_F(log_dump, damage_is_named_and_what_follows_is_shown) {
  const auto segment = files_of(".log").front();
  const auto starts = positions(segment);
  flip(segment, starts[1] + 70);
  flip(segment, starts[3] + 9);
  const auto got = run({"log", "dump", segment.string(), "--records"});
  EXPECT_EQ(got.code, static_cast<int>(exit_code::damaged)) << got.complained;
  EXPECT_NE(got.printed.find(fmt::format("DAMAGED  positions {}-{}", starts[1], starts[2] - 1)),
            std::string::npos)
      << got.printed;
  EXPECT_NE(got.printed.find(fmt::format("DAMAGED  positions {}-{}", starts[3], starts[4] - 1)),
            std::string::npos)
      << got.printed;
  EXPECT_EQ(got.printed.find("of batch 1 "), std::string::npos);
  for (const int shown : {0, 2, 4, static_cast<int>(starts.size()) - 1})
    EXPECT_NE(got.printed.find(fmt::format("value 2 of batch {} ", shown)), std::string::npos) << shown;
  EXPECT_NE(got.complained.find(fmt::format("at position {}", starts[1])), std::string::npos)
      << got.complained;
}

TEST_F(log_dump, tail_that_is_torn_is_named) {
  const auto segment = files_of(".log").front();
  const auto last = positions(segment).back();
  fs::resize_file(segment, fs::file_size(segment) - 5);
  const auto got = run({"log", "dump", segment.string(), "-o", "json"});
  EXPECT_EQ(got.code, static_cast<int>(exit_code::damaged));
  EXPECT_NE(got.printed.find(fmt::format("\"damaged_from\":{}", last)), std::string::npos) << got.printed;
}

}  // namespace
}  // namespace tidelog::tools
