#pragma once
// What the tests of the data directory share: runs of a daemon, as far as its directory is concerned, and partitions in it.

#include "support/fault_file_system.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/log_directory.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace tidelog::storage {

inline const io::path data = "/data";

inline model::topic_partition at(const std::string& topic, std::int32_t partition = 0) {
  return {topic, model::partition_index(partition)};
}

/// A batch of one empty record.
inline std::vector<std::byte> some_batch() {
  constexpr std::array<std::uint8_t, 7> record{12, 0, 0, 0, 1, 0, 0};
  std::vector<std::byte> batch(model::batch_position::records + record.size());
  using position = model::batch_position;
  base::store_big_endian(batch.data() + position::length, static_cast<std::int32_t>(batch.size() - 12));
  batch[position::magic] = std::byte{2};
  for (const auto field : {position::producer_id, position::producer_id + 4}) {
    base::store_big_endian(batch.data() + field, std::int32_t{-1});
  }
  base::store_big_endian(batch.data() + position::producer_epoch, std::int16_t{-1});
  base::store_big_endian(batch.data() + position::base_sequence, std::int32_t{-1});
  base::store_big_endian(batch.data() + position::record_count, std::int32_t{1});
  std::ranges::transform(record, batch.begin() + position::records,
                         [](auto byte) { return std::byte{byte}; });
  model::reseal_crc(batch);
  return batch;
}

/// One run of a daemon, as far as its directory is concerned.
class daemon_run {
 public:
  explicit daemon_run(test::fault_file_system& files, const log_directory_options& options = {})
      : environment_{files, open_files_, commits_, clock_},
        directory_(log_directory::open(environment_, data, options)) {}

  log_directory& directory() { return **directory_; }
  [[nodiscard]] bool is_open() const { return directory_.has_value(); }
  base::result<std::shared_ptr<log>> open(const log_request& request,
                                          when_missing missing = when_missing::create) {
    return directory().open_log(request, missing);
  }
  base::status close(std::int64_t epoch = 5) { return directory().close(pool, epoch); }
  base::worker_pool pool{"dir-test", 3};

 private:
  test::manual_clock clock_;
  open_file_cache open_files_{100};
  group_commit commits_;
  log_environment environment_;
  base::result<std::unique_ptr<log_directory>> directory_;
};

class log_directory_test : public testing::Test {
 protected:
  log_request request(const std::string& topic, std::int32_t partition = 0) {
    if (!ids_.contains(topic)) ids_[topic] = base::random_uuid();
    return {at(topic, partition), ids_[topic], log_config{}};
  }
  void append(log& to, int batches) {
    for (int i = 0; i < batches; ++i) {
      auto batch = some_batch();
      const auto stored = to.append(batch, {});
      ASSERT_TRUE(stored) << stored.error().describe();
    }
    const auto flushed = to.flush();
    ASSERT_TRUE(flushed) << flushed.error().describe();
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    const auto entries = files.list(data);
    for (const auto& entry : entries.value()) found.push_back(entry.name);
    std::ranges::sort(found);
    return found;
  }
  bool has(const std::string& name) { return std::ranges::count(names(), name) == 1; }
  std::string text_of(const char* name) {
    const auto content = io::read_file(files, data / name, 1 << 20);
    return content ? std::string(base::as_text(*content)) : content.error().code.message();
  }

  test::fault_file_system files;

 private:
  std::map<std::string, model::topic_id> ids_;
};

}  // namespace tidelog::storage
