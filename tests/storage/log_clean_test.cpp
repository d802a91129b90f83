// Compaction of one log, fact by fact.
#include "support_cleaning.hpp"

#include "tidelog/storage/log_cleaner.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <chrono>
#include <thread>

namespace tidelog::test {
namespace {

using model::compression_type;
using std::chrono::hours;
using storage::compaction_need;
using storage::errc;

class log_clean_test : public ::testing::Test {
 protected:
  log_clean_test() { reopen(storage::start_kind::unclean); }
  void reopen(storage::start_kind start = storage::start_kind::unclean) {
    storage::log_open_options options;
    options.start = start;
    if (log_) options.cleaned_end = log_->cleaned_end();
    if (log_ && start == storage::start_kind::clean) {
      ASSERT_TRUE(log_->close(storage::close_kind::clean));
    }
    log_.reset();
    log_ = world_.open(config_, options);
  }
  void write(const std::vector<keyed_record>& records,
             compression_type compression = compression_type::none) {
    store(*log_, make_keyed_batch(records, compression));
  }
  [[nodiscard]] std::vector<std::int64_t> offsets() {
    std::vector<std::int64_t> all;
    for (const auto& each : consume(*log_, log_->log_start_offset())) all.push_back(each.offset);
    return all;
  }
  [[nodiscard]] std::optional<compaction_need> need() {
    return *log_->needs_compaction(world_.clock.now_ms());
  }

  fault_file_system files_;
  log_world world_{files_};
  storage::log_config config_ = compacted_config();
  std::unique_ptr<storage::log> log_;
};

using offset_list = std::vector<std::int64_t>;

TEST_F(log_clean_test, last_record_of_each_key_stays_where_it_was) {
  write({put("a", "1"), put("b", "1"), put("a", "2")});
  write({put("c", "1"), put("b", "2")});
  write({put("b", "3")});
  seal(*log_);
  const auto report = clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{2, 3, 5}));
  EXPECT_EQ(report.upto, at(6));
  EXPECT_EQ(log_->cleaned_end(), at(6));
  EXPECT_EQ(report.records_before, 6);
  EXPECT_EQ(report.records_after, 3);
  const auto batches = batches_of(*log_);
  ASSERT_EQ(batches.size(), 3U);
  const auto first = *model::parse_record_batch(batches[0]);
  EXPECT_EQ(first.base_offset(), at(0));
  EXPECT_EQ(first.last_offset(), at(2));
  EXPECT_EQ(first.record_count(), 1);
  reopen();
  EXPECT_EQ(offsets(), (offset_list{2, 3, 5}));
  EXPECT_EQ(log_->log_end_offset(), at(6));
}

TEST_F(log_clean_test, active_segment_is_left_alone) {
  write({put("a", "1")});
  seal(*log_);
  write({put("a", "2"), put("a", "3")});
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{0, 1, 2}));
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{2}));
}

TEST_F(log_clean_test, batch_that_loses_nothing_stays_byte_for_byte) {
  for (const auto type : {compression_type::none, compression_type::gzip, compression_type::zstd}) {
    write({put(std::string("kept ") + std::string(name_of(type)), std::string(100, 'x'))}, type);
  }
  write({put("gone", "1"), put("gone", "2")});
  const auto before = batches_of(*log_);
  seal(*log_);
  clean(*log_);
  const auto after = batches_of(*log_);
  ASSERT_EQ(after.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(before[i], after[i]);
  EXPECT_NE(before[3], after[3]);
}

TEST_F(log_clean_test, batch_is_written_anew_in_its_own_compression) {
  const auto types = {compression_type::none, compression_type::gzip, compression_type::snappy,
                      compression_type::lz4, compression_type::zstd};
  for (const auto type : types) {
    const std::string key(name_of(type));
    write({put(key, "old", 1'700'000'000'500), put(key, std::string(100'000, 'n'), 1'700'000'000'100)}, type);
  }
  seal(*log_);
  clean(*log_);
  const auto batches = batches_of(*log_);
  ASSERT_EQ(batches.size(), types.size());
  std::size_t at_type = 0;
  for (const auto type : types) {
    const auto batch = *model::parse_record_batch(batches[at_type++]);
    EXPECT_EQ(batch.compression(), type);
    EXPECT_EQ(batch.record_count(), 1);
    EXPECT_EQ(batch.max_timestamp(), model::timestamp(1'700'000'000'100));
  }
  const auto records = consume(*log_, at(0));
  ASSERT_EQ(records.size(), types.size());
  for (const auto& each : records) {
    EXPECT_EQ(each.content.timestamp, 1'700'000'000'100);
    EXPECT_EQ(each.content.value->size(), 100'000U);
  }
}

TEST_F(log_clean_test, tombstone_stays_until_its_delete_horizon) {
  config_.delete_retention_ms = 1000;
  log_->update_config(config_);
  write({put("a", "1"), put("b", "1")});
  write({tombstone("a", 1'699'999'999'000), put("c", "1", 1'700'000'000'700)});
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{1, 2, 3}));
  const auto records = consume(*log_, at(0));
  EXPECT_EQ(records[1].content, tombstone("a", 1'699'999'999'000));
  EXPECT_EQ(records[2].content, put("c", "1", 1'700'000'000'700));
  const auto marked = batches_of(*log_)[1];
  const auto batch = *model::parse_record_batch(marked);
  EXPECT_TRUE(batch.has_delete_horizon());
  EXPECT_EQ(batch.base_timestamp().value(), world_.clock.now_ms() + 1000);

  world_.clock.advance(std::chrono::milliseconds(999));
  write({put("d", "1")});
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{1, 2, 3, 4}));
  EXPECT_EQ(batches_of(*log_)[1], marked);

  world_.clock.advance(std::chrono::milliseconds(1));
  write({put("e", "1")});
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{1, 3, 4, 5}));
}

TEST_F(log_clean_test, last_batch_of_a_segment_leaves_its_header) {
  write({put("b", "1")});
  write({put("a", "1")});
  seal(*log_);
  write({put("a", "2")});
  seal(*log_);
  // One record a segment, so that the groups stay apart.
  config_.segment_bytes = 1;
  log_->update_config(config_);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{0, 2}));
  const auto batches = batches_of(*log_);
  ASSERT_EQ(batches.size(), 3U);
  const auto emptied = *model::parse_record_batch(batches[1]);
  EXPECT_EQ(emptied.record_count(), 0);
  EXPECT_EQ(emptied.next_offset(), at(2));
  // When its segment is joined with the next, nothing is left of it.
  config_.segment_bytes = 1 << 20;
  log_->update_config(config_);
  write({put("c", "1")});
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(batches_of(*log_).size(), 3U);
  EXPECT_EQ(log_->segment_count(), 2U);
}

TEST_F(log_clean_test, records_without_a_key_go) {
  write({put("a", "1"), {std::nullopt, "lost"}, put("b", "1")});
  seal(*log_);
  EXPECT_EQ(clean(*log_).records_without_key, 1);
  EXPECT_EQ(offsets(), (offset_list{0, 2}));
}

TEST_F(log_clean_test, small_segments_are_joined_up_to_the_segment_size) {
  for (int i = 0; i < 10; ++i) {
    write({put("key " + std::to_string(i), std::string(100, 'v'))});
    seal(*log_);
  }
  const auto one = log_->segments()->front().size_bytes;
  config_.segment_bytes = static_cast<std::int64_t>(4 * one);
  log_->update_config(config_);
  const auto report = clean(*log_);
  EXPECT_EQ(report.segments_before, 10U);
  EXPECT_EQ(report.segments_after, 3U);
  EXPECT_EQ(log_->segment_count(), 4U);
  EXPECT_EQ(offsets().size(), 10U);
  reopen(storage::start_kind::clean);
  EXPECT_EQ(log_->segment_count(), 4U);
  EXPECT_EQ(offsets().size(), 10U);
}

TEST_F(log_clean_test, full_map_ends_the_cleaning_early_and_the_next_goes_on) {
  std::vector<keyed_record> records;
  for (int i = 0; i < 100; ++i) records.push_back(put(std::to_string(i), "old"));
  for (int i = 0; i < 100; ++i) records.push_back(put(std::to_string(i), "new"));
  write(records, compression_type::zstd);
  seal(*log_);
  storage::cleaning_resources with;
  with.most_map_bytes = 24 * 31;
  with.map_load_factor = 1;
  int rounds = 0;
  while (log_->cleaned_end() < at(200)) {
    const auto before = log_->cleaned_end();
    const auto report = log_->clean(with);
    ASSERT_TRUE(report) << report.error().describe();
    ASSERT_GT(log_->cleaned_end(), before);
    EXPECT_EQ(report->reach == storage::cleaning_report::extent::as_far_as_memory_went,
              log_->cleaned_end() < at(200));
    ++rounds;
  }
  EXPECT_EQ(rounds, 7);
  const auto values = last_values(consume(*log_, at(0)));
  EXPECT_EQ(values.size(), 100U);
  for (const auto& [key, value] : values) EXPECT_EQ(value, "new") << key;
  EXPECT_EQ(offsets().size(), 100U);
}

TEST_F(log_clean_test, ratio_and_lag_decide_whether_there_is_need) {
  config_.min_cleanable_dirty_ratio = 0.5;
  log_->update_config(config_);
  EXPECT_FALSE(need());
  write({put("a", std::string(100, 'v'))});
  EXPECT_FALSE(need());
  seal(*log_);
  ASSERT_TRUE(need());
  EXPECT_EQ(need()->dirty_ratio(), 1.0);
  EXPECT_EQ(need()->first_uncleanable, at(1));
  clean(*log_);
  EXPECT_FALSE(need());
  write({put("b", "")});
  seal(*log_);
  EXPECT_FALSE(need());

  config_.max_compaction_lag_ms = 1000;
  log_->update_config(config_);
  EXPECT_FALSE(need());
  world_.clock.advance(std::chrono::milliseconds(1001));
  ASSERT_TRUE(need());
  EXPECT_EQ(need()->urgency, compaction_need::urgency::overdue);
  EXPECT_LT(need()->dirty_ratio(), 0.5);

  config_.min_compaction_lag_ms = 5000;
  log_->update_config(config_);
  EXPECT_FALSE(need());
  EXPECT_EQ(clean(*log_).upto, at(1));
  world_.clock.advance(std::chrono::milliseconds(4000));
  EXPECT_TRUE(need());
  config_.cleanup.compact = false;
  log_->update_config(config_);
  EXPECT_FALSE(need());
  EXPECT_EQ(log_->clean({}).error().code, errc::cleaning_aborted);
}

TEST_F(log_clean_test, what_cannot_be_put_on_disk_is_not_cleaned) {
  write({put("a", "1"), put("a", "2")});
  ASSERT_TRUE(log_->flush());
  files_.inject({.what = operation::sync, .error_number = EIO, .times = for_ever});
  write({put("a", "3")});
  ASSERT_TRUE(log_->roll());
  EXPECT_EQ(log_->recovery_point(), at(2));
  EXPECT_FALSE(log_->clean({}));
  EXPECT_EQ(log_->cleaned_end(), at(0));
  EXPECT_EQ(log_->health(), storage::log_health::offline);
  files_.clear_faults();
}

TEST_F(log_clean_test, duplicates_are_known_after_cleaning_and_reopening) {
  const producer_fields producer{.id = 7, .sequence = 0};
  const auto batch = make_keyed_batch({put("a", "1"), put("b", "1")}, compression_type::none, producer);
  store(*log_, batch, storage::append_origin::client);
  write({put("a", "2"), put("b", "2")});
  write({put("c", "1")});
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{2, 3, 4}));
  for (const bool from_log : {false, true}) {
    if (from_log) {
      const auto snapshots = *storage::list_producer_snapshots(files_, world_.directory);
      for (const auto each : snapshots) {
        ASSERT_TRUE(files_.remove_file(world_.directory / storage::producer_snapshot_name(each)));
      }
    }
    reopen();
    const auto again = store(*log_, batch, storage::append_origin::client);
    EXPECT_EQ(again.outcome, storage::append_outcome::duplicate);
    EXPECT_EQ(again.base_offset, at(0));
    EXPECT_EQ(again.last_offset, at(1));
  }
  const auto next =
      store(*log_, make_keyed_batch({put("a", "3")}, compression_type::none, {.id = 7, .sequence = 2}),
            storage::append_origin::client);
  EXPECT_EQ(next.outcome, storage::append_outcome::stored);
  // Its newest batch is another now; the header of the old one has done its service.
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(model::parse_record_batch(batches_of(*log_)[0])->base_offset(), at(2));
}

TEST_F(log_clean_test, batch_of_a_producer_that_a_power_cut_may_take_does_not_cost_the_one_before_it) {
  const auto sent = [&](int number) {
    const producer_fields producer{.id = 7, .sequence = number};
    return make_keyed_batch({put("a", std::to_string(number))}, compression_type::none, producer);
  };
  store(*log_, sent(0), storage::append_origin::client);
  write({put("a", "other")});
  seal(*log_);
  store(*log_, sent(1), storage::append_origin::client);
  clean(*log_);
  files_.cut_power();
  log_.reset();
  files_.restart(unsynced::lost);
  log_ = world_.open(config_, {});
  ASSERT_EQ(log_->log_end_offset(), at(2));
  EXPECT_EQ(store(*log_, sent(0), storage::append_origin::client).outcome,
            storage::append_outcome::duplicate);
  EXPECT_EQ(store(*log_, sent(1), storage::append_origin::client).outcome, storage::append_outcome::stored);
}

TEST_F(log_clean_test, lost_time_index_is_noticed_behind_a_batch_that_was_emptied) {
  store(*log_, make_keyed_batch({put("a", "1", 1000)}, compression_type::none, {.id = 7}),
        storage::append_origin::client);
  write({put("a", "2", 2000), put("b", "1", 2001)});
  seal(*log_);
  clean(*log_);
  reopen(storage::start_kind::clean);
  ASSERT_TRUE(log_->close(storage::close_kind::clean));
  const auto index =
      *files_.open(world_.directory / "00000000000000000000.timeindex", io::open_mode::read_write);
  ASSERT_TRUE(index->truncate(0));
  log_.reset();
  log_ = world_.open_clean(config_);
  const auto found = log_->offset_for_timestamp(model::timestamp(2000));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->offset, at(1));
}

TEST_F(log_clean_test, rolled_back_records_go_and_do_not_count_as_newest) {
  const producer_fields producer{.id = 9, .transactional = true};
  config_.delete_retention_ms = 1000;
  log_->update_config(config_);
  write({put("a", "1"), put("b", "1")});
  store(*log_, make_keyed_batch({put("a", "rolled back")}, compression_type::none, producer));
  store(*log_, make_marker(producer, model::control_record_type::abort));
  auto second = producer;
  second.sequence = 1;
  store(*log_, make_keyed_batch({put("b", "2")}, compression_type::lz4, second));
  seal(*log_);
  // The transaction is still open: nothing behind its beginning is touched.
  EXPECT_EQ(clean(*log_).upto, at(0));
  store(*log_, make_marker(producer, model::control_record_type::commit));
  seal(*log_);
  EXPECT_EQ(clean(*log_).upto, at(6));
  EXPECT_EQ(offsets(), (offset_list{0, 4}));

  // The markers have a horizon by the next cleaning and are gone by the one after it; the last one of the producer is
  // no batch with a sequence and may go too.
  const auto controls = [this] {
    std::size_t count = 0;
    for (const auto& each : batches_of(*log_)) count += model::parse_record_batch(each)->is_control() ? 1 : 0;
    return count;
  };
  EXPECT_EQ(controls(), 2U);
  for (int i = 0; i < 3; ++i) {
    write({put("c", std::to_string(i)), put("b", "3")});
    world_.clock.advance(std::chrono::milliseconds(1001));
    seal(*log_);
    clean(*log_);
  }
  EXPECT_EQ(controls(), 1U);
  EXPECT_FALSE(log_->first_unstable_offset());
  reopen();
  EXPECT_FALSE(log_->first_unstable_offset());
  EXPECT_EQ(last_values(consume(*log_, at(0))),
            (std::map<std::string, std::optional<std::string>>{{"a", "1"}, {"b", "3"}, {"c", "2"}}));
}

TEST_F(log_clean_test, damaged_batch_leaves_everything_as_it_was) {
  write({put("a", "1")});
  write({put("a", "2")});
  seal(*log_);
  const auto data = *files_.open("/data/t-0/00000000000000000000.log", io::open_mode::read_write);
  const std::array<std::byte, 1> wrong{std::byte{0xff}};
  ASSERT_TRUE(data->write_at(wrong, *data->size() - 3));
  EXPECT_EQ(log_->clean({}).error().code, errc::corrupt_segment);
  EXPECT_EQ(log_->cleaned_end(), at(0));
  EXPECT_EQ(log_->segment_count(), 2U);
  EXPECT_EQ(log_->health(), storage::log_health::online);
}

TEST_F(log_clean_test, failed_write_leaves_no_file_behind) {
  write({put("a", "1"), put("a", "2")});
  seal(*log_);
  files_.inject({.what = operation::write, .error_number = ENOSPC, .path_contains = ".cleaned"});
  EXPECT_EQ(log_->clean({}).error().code, std::errc::no_space_on_device);
  const auto entries = *files_.list("/data/t-0");
  for (const auto& each : entries) {
    EXPECT_EQ(each.name.find(".cleaned"), std::string::npos) << each.name;
  }
  EXPECT_EQ(log_->health(), storage::log_health::online);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{1}));
}

TEST_F(log_clean_test, exchange_that_cannot_be_finished_takes_the_log_offline_and_the_open_finishes_it) {
  write({put("a", "1"), put("a", "2")});
  seal(*log_);
  files_.inject({.what = operation::rename, .error_number = EIO, .path_contains = ".deleted"});
  EXPECT_FALSE(log_->clean({}));
  EXPECT_EQ(log_->health(), storage::log_health::offline);
  reopen();
  EXPECT_EQ(offsets(), (offset_list{1}));
}

TEST_F(log_clean_test, reader_goes_on_with_what_it_had) {
  write({put("a", "1"), put("a", "2")});
  seal(*log_);
  const auto slice = *log_->read(at(0), {.max_bytes = 1000}, storage::read_bound::log_end());
  const auto before = bytes_of(slice);
  clean(*log_);
  world_.clock.advance(hours(1));
  EXPECT_EQ(*log_->remove_deleted_files(world_.clock.now_ms()), 0U);
  EXPECT_EQ(bytes_of(slice), before);
  EXPECT_EQ(offsets(), (offset_list{1}));
}

TEST_F(log_clean_test, segments_that_retention_has_taken_meanwhile_are_no_fault_of_the_log) {
  for (int i = 0; i < 3; ++i) {
    write({put("a", std::to_string(i)), put("b", std::to_string(i))});
    seal(*log_);
  }
  bool taken = false;
  const auto outcome = log_->clean({.charge = [&](std::uint64_t) {
    if (!std::exchange(taken, true)) {
      EXPECT_TRUE(log_->advance_log_start(at(4)));
      world_.clock.advance(hours(1));
      EXPECT_EQ(*log_->remove_deleted_files(world_.clock.now_ms()), 0U);
    }
    return std::chrono::nanoseconds(0);
  }});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, storage::errc::cleaning_aborted);
  EXPECT_TRUE(log_->needs_compaction(world_.clock.now_ms()));
}

TEST_F(log_clean_test, second_cleaning_before_the_files_of_the_first_are_removed) {
  write({put("a", "1"), put("a", "2")});
  seal(*log_);
  clean(*log_);
  write({put("a", "3")});
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{2}));
  world_.clock.advance(hours(1));
  EXPECT_EQ(*log_->remove_deleted_files(world_.clock.now_ms()), 0U);
  const auto entries = *files_.list("/data/t-0");
  for (const auto& each : entries) EXPECT_EQ(each.name.find(".deleted"), std::string::npos);
  EXPECT_EQ(offsets(), (offset_list{2}));
}

TEST_F(log_clean_test, emptied_batch_does_not_have_the_largest_timestamp) {
  store(*log_, make_keyed_batch({put("a", "1", 1'700'000'009'000)}, compression_type::none, {.id = 7}));
  write({put("a", "2", 1'700'000'001'000), put("b", "1", 1'700'000'002'000)});
  seal(*log_);
  clean(*log_);
  ASSERT_EQ(batches_of(*log_).size(), 2U);
  for (int i = 0; i < 2; ++i) {
    const auto largest = *log_->max_timestamp_offset();
    ASSERT_TRUE(largest);
    EXPECT_EQ(largest->offset, at(2));
    EXPECT_EQ((*log_->offset_for_timestamp(model::timestamp(1'700'000'001'500)))->offset, at(2));
    EXPECT_FALSE(*log_->offset_for_timestamp(model::timestamp(1'700'000'002'001)));
    reopen(i == 0 ? storage::start_kind::clean : storage::start_kind::unclean);
  }
}

TEST_F(log_clean_test, any_single_error_leaves_one_state_or_the_other) {
  const auto every_operation = {operation::open,   operation::read,   operation::write,
                                operation::sync,   operation::size,   operation::truncate,
                                operation::exists, operation::rename, operation::sync_directory,
                                operation::remove, operation::list};
  for (const auto what : every_operation) {
    for (std::uint64_t after = 0;; ++after) {
      SCOPED_TRACE(testing::Message() << "operation " << static_cast<int>(what) << " number " << after);
      ASSERT_TRUE(log_->truncate_fully_and_start_at(at(0)));
      world_.clock.advance(hours(1));
      ASSERT_TRUE(log_->remove_deleted_files(world_.clock.now_ms()));
      for (int i = 0; i < 4; ++i) {
        write({put("a", std::to_string(i)), put("b", std::to_string(i))});
        seal(*log_);
      }
      const auto met = files_.faults_met();
      files_.inject({.what = what, .error_number = EIO, .after = after});
      const auto outcome = log_->clean({});
      files_.clear_faults();
      const bool is_through = files_.faults_met() == met;
      if (log_->health() == storage::log_health::offline) {
        reopen();
      } else {
        const auto entries = *files_.list("/data/t-0");
        for (const auto& each : entries) EXPECT_EQ(each.name.find(".swap"), std::string::npos) << each.name;
      }
      const std::map<std::string, std::optional<std::string>> expected{{"a", "3"}, {"b", "3"}};
      EXPECT_EQ(last_values(consume(*log_, at(0))), expected);
      reopen();
      EXPECT_EQ(last_values(consume(*log_, at(0))), expected);
      clean(*log_);
      EXPECT_EQ(offsets(), (offset_list{6, 7}));
      ASSERT_FALSE(HasFailure());
      if (is_through) {
        EXPECT_TRUE(outcome);
        break;
      }
    }
  }
}

TEST_F(log_clean_test, truncation_takes_the_cleaned_end_with_it) {
  write({put("a", "1"), put("a", "2")});
  write({put("b", "1")});
  seal(*log_);
  clean(*log_);
  ASSERT_TRUE(log_->truncate_to(at(2)));
  EXPECT_EQ(log_->cleaned_end(), at(2));
  EXPECT_EQ(offsets(), (offset_list{1}));
  write({put("a", "3")});
  seal(*log_);
  clean(*log_);
  EXPECT_EQ(offsets(), (offset_list{2}));
}

TEST_F(log_clean_test, retention_goes_on_beside_compaction) {
  config_.cleanup = {.remove = true, .compact = true};
  config_.retention_ms = 1000;
  log_->update_config(config_);
  write({put("a", "1"), put("a", "2")});
  seal(*log_);
  clean(*log_);
  world_.clock.advance(std::chrono::milliseconds(2000));
  EXPECT_EQ(*log_->delete_old_segments(world_.clock.now_ms()), 1U);
  EXPECT_EQ(log_->log_start_offset(), at(2));
  EXPECT_FALSE(need());
}

TEST_F(log_clean_test, close_ends_a_cleaning_that_is_under_way) {
  for (int i = 0; i < 50; ++i) write({put("a", std::to_string(i))});
  seal(*log_);
  std::promise<void> begun;
  storage::cleaning_resources with;
  with.charge = [&, first = true](std::uint64_t) mutable {
    if (std::exchange(first, false)) begun.set_value();
    return std::chrono::hours(1);
  };
  base::result<storage::cleaning_report> outcome;
  std::thread cleaner([&] { outcome = log_->clean(with); });
  begun.get_future().wait();
  EXPECT_TRUE(log_->close(storage::close_kind::clean));
  cleaner.join();
  EXPECT_EQ(outcome.error().code, errc::cleaning_aborted);
  EXPECT_EQ(log_->clean({}).error().code, errc::closed);
}

TEST_F(log_clean_test, index_of_aborted_transactions_goes_with_its_markers) {
  write({put("a", "1")});
  store(*log_, make_keyed_batch({put("a", "2")}, compression_type::none, {.id = 7, .transactional = true}));
  store(*log_, make_marker({.id = 7, .transactional = true}, model::control_record_type::abort));
  seal(*log_);
  const auto before = *log_->aborted_transactions(at(0), at(3));
  ASSERT_EQ(before.size(), 1);
  clean(*log_);
  EXPECT_EQ(*log_->aborted_transactions(at(0), at(3)), before);
  reopen(storage::start_kind::clean);
  EXPECT_EQ(*log_->aborted_transactions(at(0), at(3)), before);
}

}  // namespace
}  // namespace tidelog::test
