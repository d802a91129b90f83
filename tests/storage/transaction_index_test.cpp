// The index of rolled-back transactions: its format, and that whatever happens to a log, it says what the markers say.
#include "tidelog/storage/transaction_index.hpp"

#include "aborted_replay.hpp"
#include "support_cleaning.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>

namespace tidelog::test {
namespace {

using compression = model::compression_type;
using marker = model::control_record_type;
using storage::aborted_transaction;
using aborted_list = std::vector<aborted_transaction>;

aborted_transaction aborted(std::int64_t producer, std::int64_t first, std::int64_t last,
                            std::int64_t stable) {
  return {model::producer_id(producer), at(first), at(last), at(stable)};
}

TEST(transaction_index, entry_is_as_apache_kafka_writes_it) {
  const auto bytes = storage::encode_transaction_index(aborted_list{aborted(0x0102, 3, 0x0405, 6)});
  ASSERT_EQ(bytes.size(), storage::transaction_index_entry_bytes);
  std::vector<std::byte> expected(34);
  expected[8] = std::byte{1};
  expected[9] = std::byte{2};
  expected[17] = std::byte{3};
  expected[24] = std::byte{4};
  expected[25] = std::byte{5};
  expected[33] = std::byte{6};
  EXPECT_EQ(bytes, expected);
}

TEST(transaction_index, what_is_no_entry_is_passed_over_and_told_to_who_asks_strictly) {
  const aborted_list good{aborted(1, 0, 3, 4), aborted(2, 1, 5, 6), aborted(1, 7, 9, 10)};
  auto bytes = storage::encode_transaction_index(good);
  EXPECT_EQ(*storage::decode_transaction_index(bytes, "x"), good);
  bytes[34 + 1] = std::byte{1};  // the version
  EXPECT_EQ(storage::sound_transactions(bytes), (aborted_list{good[0], good[2]}));
  EXPECT_EQ(storage::decode_transaction_index(bytes, "x").error().code, storage::errc::corrupt_index);
  bytes.pop_back();
  EXPECT_EQ(storage::sound_transactions(bytes), (aborted_list{good[0]}));
  const auto falling = storage::encode_transaction_index(aborted_list{good[2], good[1]});
  EXPECT_EQ(storage::sound_transactions(falling), (aborted_list{good[2]}));
  const auto senseless = storage::encode_transaction_index(
      aborted_list{aborted(1, -1, 3, 4), aborted(1, 4, 3, 4), aborted(1, 3, 5, 7),
                   aborted(1, 3, std::numeric_limits<std::int64_t>::max(), 4)});
  EXPECT_TRUE(storage::sound_transactions(senseless).empty());
  EXPECT_TRUE(storage::sound_transactions(std::vector<std::byte>(340)).empty());
}

TEST(aborted_replay, keeps_what_is_known_where_no_batch_tells_otherwise) {
  storage::aborted_replay replay({aborted(7, 1, 4, 5), aborted(7, 5, 8, 9), aborted(8, 6, 9, 10),
                                  aborted(8, 11, 20, 21), aborted(8, 22, 30, 31)});
  const auto pass = [&](std::int64_t offset, std::int64_t producer) {
    auto bytes = make_marker({.id = producer, .transactional = true}, marker::abort);
    model::set_base_offset(bytes, at(offset));
    replay.pass(*model::parse_record_batch(bytes));
  };
  pass(8, 7);
  replay.take(std::nullopt);
  pass(9, 8);
  replay.take(aborted(8, 7, 9, 10));
  pass(20, 8);  // which commits
  EXPECT_EQ(replay.finish(at(30)),
            (aborted_list{aborted(7, 1, 4, 5), aborted(7, 5, 8, 9), aborted(8, 7, 9, 10)}));
}

class log_aborted : public testing::Test {
 protected:
  void write_in_transaction(std::int64_t producer) {
    store(*log_, make_keyed_batch({put("k", "v")}, compression::none,
                                  {.id = producer, .sequence = -1, .transactional = true}));
  }
  void end_transaction(std::int64_t producer, marker how = marker::abort) {
    store(*log_, make_marker({.id = producer, .transactional = true}, how));
  }
  [[nodiscard]] base::result<storage::appended> append_abort(std::int64_t producer) {
    auto batch = make_marker({.id = producer, .transactional = true}, marker::abort);
    return log_->append(batch, {.origin = storage::append_origin::internal});
  }
  [[nodiscard]] aborted_list all() { return found(0, 1'000'000); }
  [[nodiscard]] aborted_list found(std::int64_t from, std::int64_t end) {
    return *log_->aborted_transactions(at(from), at(end));
  }
  [[nodiscard]] static std::string index(std::int64_t base) {
    return fmt::format("/data/t-0/{:020}.txnindex", base);
  }
  [[nodiscard]] bool exists(std::int64_t base) { return *files_.exists(index(base)); }
  void close_cleanly() {
    ASSERT_TRUE(log_->close(storage::close_kind::clean));
    log_.reset();
  }
  /// After a crash that left what was `kept`; the checkpoint file is `behind` so many offsets.
  void crash(unsynced kept, std::int64_t behind = 0) {
    const auto point = std::max<std::int64_t>(log_->recovery_point().value() - behind, 0);
    log_.reset();
    files_.restart(kept, 1);
    world_ = std::make_unique<log_world>(files_);
    log_ = world_->open(config_, {.recovery_point = at(point)});
  }

  storage::log_config config_ = page_cache_config();
  fault_file_system files_;
  std::unique_ptr<log_world> world_ = std::make_unique<log_world>(files_);
  std::unique_ptr<storage::log> log_ = world_->open(config_);
};

TEST_F(log_aborted, is_noted_with_what_its_end_made_stable) {
  write_in_transaction(7);  // 0
  write_in_transaction(8);  // 1
  end_transaction(8);       // 2
  end_transaction(7);       // 3
  write_in_transaction(7);  // 4
  end_transaction(7, marker::commit);
  EXPECT_EQ(all(), (aborted_list{aborted(8, 1, 2, 0), aborted(7, 0, 3, 4)}));
}

TEST_F(log_aborted, nothing_is_noted_where_nothing_was_rolled_back) {
  write_in_transaction(7);
  end_transaction(7, marker::commit);
  end_transaction(7);
  end_transaction(8);
  EXPECT_FALSE(exists(0));
  EXPECT_TRUE(all().empty());
}

TEST_F(log_aborted, those_that_overlap_a_range_are_found) {
  write_in_transaction(7);  // 0
  end_transaction(7);       // 1
  write_in_transaction(8);  // 2
  ASSERT_TRUE(log_->roll());
  write_in_transaction(7);  // 3
  ASSERT_TRUE(log_->roll());
  end_transaction(7);       // 4
  end_transaction(8);       // 5
  write_in_transaction(7);  // 6
  end_transaction(7);       // 7
  EXPECT_TRUE(exists(0));
  EXPECT_FALSE(exists(3));
  EXPECT_TRUE(exists(4));
  const auto first = aborted(7, 0, 1, 2);
  const auto second = aborted(7, 3, 4, 2);
  const auto third = aborted(8, 2, 5, 6);
  const auto fourth = aborted(7, 6, 7, 8);
  EXPECT_EQ(all(), (aborted_list{first, second, third, fourth}));
  EXPECT_EQ(found(0, 2), (aborted_list{first}));
  EXPECT_EQ(found(1, 3), (aborted_list{first, third}));
  EXPECT_EQ(found(2, 4), (aborted_list{second, third}));
  EXPECT_EQ(found(5, 6), (aborted_list{third}));
  EXPECT_EQ(found(6, 7), (aborted_list{fourth}));
  EXPECT_TRUE(found(8, 9).empty());
}

TEST_F(log_aborted, many_are_found_wherever_one_looks) {
  constexpr int count = 500;
  for (int i = 0; i < count; ++i) {
    write_in_transaction(7);
    end_transaction(7);
  }
  ASSERT_EQ(all().size(), count);
  for (int i = 0; i < count; i += 37)
    EXPECT_EQ(found(2 * i, 2 * i + 1), (aborted_list{aborted(7, 2 * i, 2 * i + 1, 2 * i + 2)}));
}

TEST_F(log_aborted, without_an_index_nobody_looks_for_a_file) {
  append(*log_, {});
  close_cleanly();
  log_ = world_->open_clean(config_);
  files_.inject(
      {.what = operation::open, .error_number = EIO, .path_contains = "txnindex", .times = for_ever});
  EXPECT_TRUE(log_->aborted_transactions(at(0), at(1), io::patience::never_waits));
}

TEST_F(log_aborted, reader_without_patience_waits_for_no_file) {
  write_in_transaction(7);
  end_transaction(7);
  EXPECT_TRUE(log_->aborted_transactions(at(0), at(1), io::patience::never_waits));
  close_cleanly();
  log_ = world_->open_clean(config_);
  EXPECT_TRUE(io::would_wait(log_->aborted_transactions(at(0), at(1), io::patience::never_waits).error()));
  EXPECT_EQ(all().size(), 1);
  EXPECT_TRUE(log_->aborted_transactions(at(0), at(1), io::patience::never_waits));
  files_.evict_page_cache();
  EXPECT_TRUE(io::would_wait(log_->aborted_transactions(at(0), at(1), io::patience::never_waits).error()));
}

TEST_F(log_aborted, is_known_after_every_kind_of_stop) {
  write_in_transaction(7);
  end_transaction(7);
  ASSERT_TRUE(log_->roll());
  write_in_transaction(8);
  const aborted_list first{aborted(7, 0, 1, 2)};
  const aborted_list both{first[0], aborted(8, 2, 3, 4)};
  close_cleanly();
  files_.restart(unsynced::lost);
  log_ = world_->open_clean(config_);
  EXPECT_EQ(all(), first);
  end_transaction(8);
  crash(unsynced::kept);
  EXPECT_EQ(all(), both);
  crash(unsynced::lost);
  EXPECT_EQ(all(), both);
  crash(unsynced::lost, 3);
  EXPECT_EQ(all(), both);
}

TEST_F(log_aborted, entry_whose_marker_was_lost_is_dropped_and_one_that_was_lost_is_made_again) {
  write_in_transaction(7);
  ASSERT_TRUE(log_->flush());
  end_transaction(7);
  // Only the index has come to the disk.
  const auto file = *files_.open(index(0), io::open_mode::read_write);
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files_.sync_directory("/data/t-0"));
  crash(unsynced::lost);
  ASSERT_EQ(log_->log_end_offset(), at(1));
  EXPECT_TRUE(all().empty());
  end_transaction(7);
  ASSERT_TRUE(files_.remove_file(index(0)));
  crash(unsynced::kept);
  EXPECT_EQ(all(), (aborted_list{aborted(7, 0, 1, 2)}));
}

TEST_F(log_aborted, index_is_on_disk_before_the_recovery_point_passes_the_marker) {
  write_in_transaction(7);
  end_transaction(7);
  ASSERT_TRUE(log_->flush());
  files_.inject({.what = operation::sync, .error_number = EIO, .path_contains = "txnindex"});
  write_in_transaction(7);
  end_transaction(7);
  EXPECT_FALSE(log_->flush());
  EXPECT_EQ(log_->recovery_point(), at(2));
  EXPECT_EQ(log_->health(), storage::log_health::offline);
  crash(unsynced::kept);
  EXPECT_EQ(all().size(), 2);
  crash(unsynced::lost);
  EXPECT_EQ(all().size(), 2);
}

TEST_F(log_aborted, marker_is_refused_when_its_entry_finds_no_room_and_the_log_goes_on) {
  write_in_transaction(8);
  end_transaction(8);
  write_in_transaction(7);
  for (const char* where : {"txnindex", ".log"}) {
    files_.inject(
        {.what = operation::write, .error_number = ENOSPC, .path_contains = where, .bytes_written = 20});
    EXPECT_EQ(append_abort(7).error().code, std::errc::no_space_on_device) << where;
    EXPECT_EQ(log_->log_end_offset(), at(3));
    EXPECT_EQ(all().size(), 1);
    EXPECT_EQ(log_->first_unstable_offset(), at(2));
  }
  // Another batch gets the marker's offset, and the transaction is committed after all.
  append(*log_, {});
  end_transaction(7, marker::commit);
  crash(unsynced::kept);
  EXPECT_EQ(all(), (aborted_list{aborted(8, 0, 1, 2)}));
}

TEST_F(log_aborted, log_goes_offline_when_an_entry_cannot_be_written_or_taken_back) {
  write_in_transaction(7);
  files_.inject({.what = operation::write, .error_number = EIO, .path_contains = "txnindex"});
  EXPECT_EQ(append_abort(7).error().code, storage::errc::log_offline);
  crash(unsynced::kept);
  EXPECT_TRUE(all().empty());
  files_.inject({.what = operation::write, .error_number = ENOSPC, .path_contains = ".log"});
  files_.inject({.what = operation::truncate, .error_number = EIO, .path_contains = "txnindex"});
  EXPECT_EQ(append_abort(7).error().code, storage::errc::log_offline);
  files_.clear_faults();
  crash(unsynced::kept);
  EXPECT_TRUE(all().empty());
  end_transaction(7);
  EXPECT_EQ(all().size(), 1);
}

TEST_F(log_aborted, truncation_takes_what_ended_behind_it) {
  write_in_transaction(7);  // 0
  end_transaction(7);       // 1
  write_in_transaction(8);  // 2
  end_transaction(8);       // 3
  ASSERT_TRUE(log_->roll());
  write_in_transaction(7);  // 4
  end_transaction(7);       // 5
  ASSERT_TRUE(log_->truncate_to(at(3)));
  EXPECT_EQ(all(), (aborted_list{aborted(7, 0, 1, 2)}));
  EXPECT_EQ(log_->first_unstable_offset(), at(2));
  append(*log_, {});
  end_transaction(8);
  EXPECT_EQ(all(), (aborted_list{aborted(7, 0, 1, 2), aborted(8, 2, 4, 5)}));
  crash(unsynced::lost);
  EXPECT_EQ(all().front(), aborted(7, 0, 1, 2));
  ASSERT_TRUE(log_->truncate_fully_and_start_at(at(50)));
  EXPECT_TRUE(all().empty());
}

TEST_F(log_aborted, index_goes_with_its_segment) {
  write_in_transaction(7);
  end_transaction(7);
  ASSERT_TRUE(log_->roll());
  append(*log_, {});
  ASSERT_TRUE(log_->advance_log_start(at(2)));
  EXPECT_FALSE(exists(0));
  EXPECT_TRUE(*files_.exists(index(0) + ".deleted"));
  EXPECT_TRUE(log_->aborted_transactions(at(2), at(3))->empty());
  ASSERT_TRUE(log_->remove_deleted_files(world_->clock.now_ms() + 1'000'000'000));
  EXPECT_FALSE(*files_.exists(index(0) + ".deleted"));
}

TEST_F(log_aborted, damage_costs_the_entries_that_it_hits_and_is_reported_once) {
  for (const std::int64_t producer : {7, 8, 9}) {
    write_in_transaction(producer);
    end_transaction(producer);
  }
  ASSERT_TRUE(log_->roll());
  append(*log_, {});
  close_cleanly();
  const auto file = *files_.open(index(0), io::open_mode::read_write);
  ASSERT_TRUE(file->write_at(std::vector<std::byte>(34), 34));
  log_ = world_->open_clean(config_);
  const aborted_list left{aborted(7, 0, 1, 2), aborted(9, 4, 5, 6)};
  EXPECT_EQ(all(), left);
  EXPECT_EQ(all(), left);
  EXPECT_EQ(log_->recovery().events.size(), 1);
}

}  // namespace
}  // namespace tidelog::test
