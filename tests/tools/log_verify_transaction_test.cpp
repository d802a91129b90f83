// The indexes of rolled-back transactions, held against the batches and markers.

#include "support_data_directory.hpp"

#include "tidelog/model/record.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/storage/log_directory.hpp"
#include "tidelog/storage/transaction_index.hpp"
#include "tidelog/tools/exit_code.hpp"

namespace tidelog::tools {
namespace {

using model::control_record_type;

model::record_batch_fields fields_of(std::int64_t producer, std::uint16_t attributes) {
  model::record_batch_fields fields;
  fields.producer_id = model::producer_id(producer);
  fields.producer_epoch = model::producer_epoch(0);
  fields.attributes = attributes;
  return fields;
}

std::vector<std::byte> make_records(std::int64_t producer, int sequence) {
  auto fields = fields_of(producer, model::batch_attribute::transactional);
  fields.base_sequence = model::sequence(sequence);
  model::record_batch_builder builder(fields);
  builder.add(model::timestamp(1'000), base::as_bytes("key"), base::as_bytes("value"));
  return builder.build();
}

std::vector<std::byte> make_marker(std::int64_t producer, control_record_type type) {
  model::record_batch_builder builder(
      fields_of(producer, model::batch_attribute::transactional | model::batch_attribute::control));
  const auto key = model::encode_control_key(type);
  const std::array<std::byte, 6> value{};
  builder.add(model::timestamp(1'000), base::byte_view(key), base::byte_view(value));
  return builder.build();
}

storage::aborted_transaction aborted(std::int64_t producer, std::int64_t first, std::int64_t last,
                                     std::int64_t stable) {
  return {model::producer_id(producer), model::offset(first), model::offset(last), model::offset(stable)};
}

std::string encoded(const std::vector<storage::aborted_transaction>& entries) {
  return std::string(base::as_text(storage::encode_transaction_index(entries)));
}

class log_verify_transaction : public data_directory_test {
 protected:
  void SetUp() override {
    data_directory_test::SetUp();
    storage::open_file_cache open_files(64);
    storage::group_commit commits(1);
    const storage::log_environment environment{*files_, open_files, commits, base::system_clock()};
    auto opened = storage::log_directory::open(environment, root(), {}).value();
    storage::log_request request{{"tx", model::partition_index(0)}, model::topic_id(base::random_uuid()), {}};
    request.config.flush_messages = storage::never_flush;
    const auto log = opened->open_log(request, storage::when_missing::create).value();
    const auto append = [&log](std::vector<std::byte> batch) {
      ASSERT_TRUE(log->append(batch, {.origin = storage::append_origin::internal}));
    };
    append(make_records(5, 0));                           // offset 0
    append(make_records(6, 0));                           // 1
    append(make_records(5, 1));                           // 2
    append(make_marker(5, control_record_type::abort));   // 3; the other one is still open
    append(make_records(5, 2));                           // 4
    append(make_marker(6, control_record_type::commit));  // 5
    append(make_marker(6, control_record_type::abort));   // 6, of no records
    ASSERT_TRUE(log->roll());
    append(make_marker(5, control_record_type::abort));  // 7, in the next segment
    base::worker_pool pool("test", 1);
    ASSERT_TRUE(opened->close(pool, 1));
  }
  [[nodiscard]] fs::path index(std::int64_t base) const {
    return root() / "tx-0" / fmt::format("{:020}.txnindex", base);
  }
  void expect_repair_to_make_them_right() {
    const auto found = verify();
    EXPECT_TRUE(has(found, "wrong_transaction_index", severity::repairable)) << listed(found);
    EXPECT_EQ(found.worst(), severity::repairable) << listed(found);
    expect_clean_after_repair();
    EXPECT_EQ(content(index(0)), encoded(in_first_));
    EXPECT_EQ(content(index(7)), encoded(in_second_));
  }

  const std::vector<storage::aborted_transaction> in_first_{aborted(5, 0, 3, 1)};
  const std::vector<storage::aborted_transaction> in_second_{aborted(5, 4, 7, 8)};
};

TEST_F(log_verify_transaction, indexes_that_a_log_makes_are_clean) {
  EXPECT_EQ(content(index(0)), encoded(in_first_));
  EXPECT_EQ(content(index(7)), encoded(in_second_));
  EXPECT_EQ(verify().worst(), severity::note) << listed(verify());
}

TEST_F(log_verify_transaction, missing_index_is_noticed_and_made_again) {
  for (const std::int64_t base : {0, 7}) fs::remove(index(base));
  expect_repair_to_make_them_right();
}

TEST_F(log_verify_transaction, index_that_disagrees_with_the_markers_is_noticed_and_made_again) {
  for (const auto& wrong : {std::vector{aborted(5, 2, 3, 1)}, std::vector{aborted(6, 0, 3, 1)},
                            std::vector{aborted(5, 0, 3, 1), aborted(6, 1, 5, 6)}}) {
    write(index(0), encoded(wrong));
    expect_repair_to_make_them_right();
  }
}

TEST_F(log_verify_transaction, file_that_is_no_index_is_made_again) {
  write(index(7), "rubbish");
  expect_repair_to_make_them_right();
}

TEST_F(log_verify_transaction, entry_of_a_transaction_that_began_before_the_log_is_right) {
  for (const auto* const suffix : {".log", ".index", ".timeindex", ".txnindex"})
    fs::remove((root() / "tx-0" / "00000000000000000000").concat(suffix));
  EXPECT_EQ(verify().worst(), severity::note) << listed(verify());
  fs::remove(index(7));
  EXPECT_EQ(verify().worst(), severity::note) << listed(verify());
}

TEST_F(log_verify_transaction, index_of_a_log_whose_end_is_cut_off_is_cut_with_it) {
  const auto segment = root() / "tx-0" / "00000000000000000000.log";
  flip(segment, positions(segment).at(3) + 70);
  stop_uncleanly();
  expect_clean_after_repair();
  EXPECT_EQ(content(index(0)), "");
}

TEST_F(log_verify_transaction, index_of_a_log_that_lacks_batches_is_left) {
  const auto segment = root() / "tx-0" / "00000000000000000000.log";
  flip(segment, positions(segment).at(0) + 70);
  repair();
  EXPECT_EQ(content(index(0)), encoded(in_first_));
  EXPECT_FALSE(has(verify(), "wrong_transaction_index", severity::repairable)) << listed(verify());
}

TEST_F(log_verify_transaction, index_can_be_dumped) {
  const auto dumped = run({"log", "dump", index(0).string()});
  EXPECT_EQ(dumped.code, static_cast<int>(exit_code::done)) << dumped.complained;
  EXPECT_NE(dumped.printed.find("producer 5  offsets 0-3  last stable offset 1"), std::string::npos)
      << dumped.printed;
  EXPECT_NE(run({"log", "dump", root().string(), "-o", "json"}).printed.find("\"last_stable_offset\":8"),
            std::string::npos);
}

}  // namespace
}  // namespace tidelog::tools
