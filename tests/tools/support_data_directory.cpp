#include "support_data_directory.hpp"

#include "tidelog/codec/records_check.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/log_directory.hpp"
#include "tidelog/tools/cli.hpp"

#include <algorithm>
#include <fstream>

namespace tidelog::tools {

std::vector<std::byte> make_batch(int number) {
  model::record_batch_fields fields;
  fields.producer_id = model::producer_id(7);
  fields.producer_epoch = model::producer_epoch(0);
  fields.base_sequence = model::sequence(number * 3);
  model::record_batch_builder builder(fields);
  for (int i = 0; i < 3; ++i) {
    builder.add(model::timestamp(1'000 + number * 10 + i), base::as_bytes("key"),
                base::as_bytes(fmt::format("value {} of batch {} {}", i, number, std::string(60, 'v'))));
  }
  auto plain = builder.build();
  const auto type = static_cast<model::compression_type>(number % 5);
  if (type == model::compression_type::none) return plain;
  const auto batch = model::parse_only_record_batch(plain).value();
  return codec::recompress_batch(batch, {type, {}, 1 << 20, {}}).value();
}

outcome run(std::vector<std::string> words) {
  std::vector<const char*> arguments{"tidelog"};
  for (const auto& word : words) arguments.push_back(word.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_tidelog(static_cast<int>(arguments.size()), arguments.data(), "test");
  std::fflush(stdout);
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

std::string content(const fs::path& file) {
  std::ifstream from(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(from), {}};
}
void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}
void flip(const fs::path& file, std::uint64_t position, unsigned char mask) {
  auto bytes = content(file);
  ASSERT_LT(position, bytes.size());
  bytes[position] = static_cast<char>(static_cast<unsigned char>(bytes[position]) ^ mask);
  write(file, bytes);
}
std::vector<std::uint64_t> positions(const fs::path& segment) {
  const auto bytes = content(segment);
  std::vector<std::uint64_t> found;
  for (std::uint64_t at = 0; at < bytes.size();) {
    found.push_back(at);
    at += model::parse_record_batch(base::as_bytes(bytes).subspan(at)).value().size_bytes();
  }
  return found;
}

bool has(const verify_summary& summary, std::string_view kind, severity level) {
  return std::any_of(summary.findings.begin(), summary.findings.end(),
                     [&](const finding& each) { return each.kind == kind && each.level == level; });
}
std::string listed(const verify_summary& summary) {
  std::string text;
  for (const auto& each : summary.findings)
    text += fmt::format("{} {} {} {}\n", name_of(each.level), each.kind, each.file.string(), each.what);
  return text;
}

void data_directory_test::SetUp() {
  storage::open_file_cache open_files(64);
  storage::group_commit commits(1);
  const storage::log_environment environment{*files_, open_files, commits, base::system_clock()};
  auto opened = storage::log_directory::open(environment, root(), {}).value();
  storage::log_request request{
      {"orders", model::partition_index(0)}, model::topic_id(base::random_uuid()), {}};
  request.config.segment_bytes = 4'000;
  request.config.index_interval_bytes = 400;
  request.config.flush_messages = storage::never_flush;
  const auto log = opened->open_log(request, storage::when_missing::create).value();
  for (int i = 0; i < batches; ++i) {
    auto batch = make_batch(i);
    ASSERT_TRUE(log->append(batch, {}));
  }
  base::worker_pool pool("test", 1);
  ASSERT_TRUE(opened->close(pool, 1));
}

std::vector<fs::path> data_directory_test::files_of(std::string_view suffix) const {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(partition()))
    if (entry.path().extension() == suffix) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

void data_directory_test::stop_uncleanly() const {
  fs::remove(root() / ".kafka_cleanshutdown");
  fs::remove(root() / storage::recovery_point_checkpoint);
}

verify_summary data_directory_test::verify(std::size_t jobs) {
  const auto target = find_target(*files_, root()).value();
  auto checked = verify_directory(*files_, target, {jobs});
  EXPECT_TRUE(checked) << (checked ? "" : checked.error().describe());
  return checked ? std::move(*checked) : verify_summary{};
}

io::path data_directory_test::repair() {
  const auto before = verify();
  const auto aside = free_repair_folder(*files_, root()).value();
  const auto done = repair_plan(before.findings).execute(*files_, root(), aside);
  EXPECT_TRUE(done) << (done ? "" : done.error().describe());
  return root() / aside;
}

void data_directory_test::expect_clean_after_repair() {
  repair();
  const auto after = verify();
  EXPECT_EQ(after.worst(), severity::note) << listed(after);
  EXPECT_TRUE(repair_plan(after.findings).empty());
}

}  // namespace tidelog::tools
