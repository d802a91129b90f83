// A directory that Apache Kafka 4.3.1 wrote and stopped cleanly is clean, and all of it can be shown.

#include "support_data_directory.hpp"

#include "tidelog/tools/exit_code.hpp"

#include <fstream>

namespace tidelog::tools {
namespace {

const std::string data = TIDELOG_TEST_DATA "/kafka_directory/data";

TEST(kafka_directory, is_clean) {
  const auto files = io::make_posix_file_system();
  const auto summary = verify_directory(*files, {data, {}}, {2});
  ASSERT_TRUE(summary) << summary.error().describe();
  EXPECT_TRUE(summary->findings.empty()) << listed(*summary);
  EXPECT_EQ(summary->partitions, 7U);
}

TEST(kafka_directory, every_record_is_dumped) {
  const auto dumped = run({"log", "dump", data, "--records"});
  EXPECT_EQ(dumped.code, static_cast<int>(exit_code::done)) << dumped.complained;
  // A line of records.txt: TOPIC PARTITION OFFSET TIMESTAMP KEY|VALUE, as a consumer of Kafka has got it.
  std::ifstream told(TIDELOG_TEST_DATA "/kafka_directory/records.txt");
  std::size_t records = 0;
  std::string topic;
  std::string partition;
  std::string offset;
  std::string timestamp;
  for (std::string rest; told >> topic >> partition >> offset >> timestamp && std::getline(told, rest);
       ++records) {
    const auto bar = rest.find('|');
    const auto key = rest.substr(1, bar - 1);
    const auto line = fmt::format("  offset {}  timestamp {}  key {}  value \"{}\"", offset, timestamp,
                                  key.empty() ? "null" : fmt::format("\"{}\"", key), rest.substr(bar + 1));
    EXPECT_NE(dumped.printed.find(line), std::string::npos) << topic << line;
  }
  EXPECT_GT(records, 150U);
}

}  // namespace
}  // namespace tidelog::tools
