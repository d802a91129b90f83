// A data directory that Apache Kafka 4.3.1 wrote and stopped cleanly: idempotent producers, every compression, segments
// rolled by time, a compacted topic and one of which retention has left nothing. It is read record for record.
#include "support/fault_file_system.hpp"
#include "support_cleaning.hpp"

#include "tidelog/storage/log_directory.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace tidelog::test {
namespace {

const io::path data = "/data";

/// A line of records.txt, which a consumer of Kafka has written: TOPIC PARTITION OFFSET TIMESTAMP KEY|VALUE.
struct told_record {
  std::string topic;
  read_record record;
};

[[nodiscard]] std::vector<told_record> records_as_kafka_told() {
  std::ifstream file(TIDELOG_TEST_DATA "/kafka_directory/records.txt");
  std::vector<told_record> told;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    told_record each;
    int partition = 0;
    words >> each.topic >> partition >> each.record.offset >> each.record.content.timestamp;
    words.get();
    std::string rest;
    std::getline(words, rest);
    const auto bar = rest.find('|');
    if (bar > 0) each.record.content.key = rest.substr(0, bar);
    each.record.content.value = rest.substr(bar + 1);
    told.push_back(std::move(each));
  }
  return told;
}

/// Into memory, so that nothing that an opening changes is written to the sources.
void copy_directory(fault_file_system& files) {
  const std::filesystem::path from = TIDELOG_TEST_DATA "/kafka_directory/data";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(from)) {
    const auto to = data / std::filesystem::relative(entry.path(), from);
    if (entry.is_directory()) {
      ASSERT_TRUE(files.make_directories(to));
      continue;
    }
    ASSERT_TRUE(files.make_directories(to.parent_path()));
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(file), {});
    ASSERT_TRUE((*files.open(to, io::open_mode::create))->write_at(base::as_bytes(content), 0));
  }
}

TEST(kafka_directory_test, is_read_record_for_record) {
  const auto told = records_as_kafka_told();
  ASSERT_GT(told.size(), 150U);
  fault_file_system files;
  ASSERT_NO_FATAL_FAILURE(copy_directory(files));
  manual_clock clock;
  storage::open_file_cache open_files{100};
  storage::group_commit commits{1};
  const auto directory = storage::log_directory::open({files, open_files, commits, clock}, data, {});
  ASSERT_TRUE(directory) << directory.error().describe();
  EXPECT_EQ((*directory)->start(), storage::start_kind::clean);
  std::map<std::string, std::vector<read_record>> by_topic;
  for (const auto& each : told) by_topic[each.topic].push_back(each.record);
  const auto found = *(*directory)->list();
  std::size_t topics_read = 0;
  for (const auto& each : found) {
    ++topics_read;
    storage::log_config config;
    config.cleanup.compact = each.partition.topic == "compacted";
    const auto log =
        (*directory)->open_log({each.partition, *each.topic_id, config}, storage::when_missing::fail);
    ASSERT_TRUE(log) << log.error().describe();
    const auto& expected = by_topic[each.partition.topic];
    const auto seen = consume(**log, (*log)->log_start_offset());
    ASSERT_EQ(seen.size(), expected.size()) << each.partition.text();
    for (std::size_t i = 0; i < seen.size(); ++i) {
      EXPECT_EQ(seen[i].offset, expected[i].offset) << each.partition.text();
      EXPECT_EQ(seen[i].content, expected[i].content) << each.partition.text() << " " << seen[i].offset;
    }
    EXPECT_FALSE((*log)->producers().empty()) << each.partition.text();
    EXPECT_EQ((*log)->recovery().outcome(), storage::recovery_outcome::clean) << each.partition.text();
  }
  EXPECT_EQ(topics_read, 7U);
  EXPECT_LT(by_topic.at("compacted").size(), 36U);
  EXPECT_GT((*directory)->find({"retained", model::partition_index(0)})->log_start_offset(), at(0));
}

}  // namespace
}  // namespace tidelog::test
