// Compaction against a model: for any history and any schedule of cleanings, a reader from any offset ends with the same
// last values, sees offsets and records as they were written, and misses no tombstone too early. The same for a machine
// that stops at every single change of the disk.
#include "support/random_seed.hpp"
#include "support_cleaning.hpp"

#include <random>
#include <set>

namespace tidelog::test {
namespace {

using model::compression_type;

struct written_record {
  keyed_record content;
  bool rolled_back = false;
  /// When a cleaning first was given it.
  std::optional<base::unix_ms> first_cleaned_ms{};
};

/// All that was ever written, and what of it must still be there.
class history {
 public:
  std::map<std::int64_t, written_record> records;
  std::int64_t end = 0;
  std::int64_t delete_retention_ms = 1000;
  base::unix_ms last_cleaning_ms = 0;

  void cut(std::int64_t new_end) {
    records.erase(records.lower_bound(new_end), records.end());
    end = std::min(end, new_end);
  }
  /// A cleaning has begun to look at everything below `upto`.
  void cleaning(std::int64_t upto, base::unix_ms now_ms) {
    last_cleaning_ms = now_ms;
    for (auto& [offset, record] : records) {
      if (offset < upto && !record.first_cleaned_ms) record.first_cleaned_ms = now_ms;
    }
  }
  [[nodiscard]] bool may_be_gone(const written_record& tombstone) const {
    return tombstone.first_cleaned_ms &&
           *tombstone.first_cleaned_ms + delete_retention_ms <= last_cleaning_ms;
  }

  void check(storage::log& log, std::int64_t from) const {
    const auto seen = consume(log, at(from));
    std::map<std::string, std::int64_t> last_seen;
    for (const auto& each : seen) {
      const auto original = records.find(each.offset);
      ASSERT_NE(original, records.end()) << "offset " << each.offset << " was never written";
      ASSERT_EQ(each.content, original->second.content) << "offset " << each.offset;
      if (!original->second.rolled_back && each.content.key) last_seen[*each.content.key] = each.offset;
    }
    std::map<std::string, std::int64_t> last_written;
    for (auto record = records.lower_bound(from); record != records.end(); ++record) {
      const auto& content = record->second.content;
      if (!record->second.rolled_back && content.key) last_written[*content.key] = record->first;
    }
    for (const auto& [key, offset] : last_written) {
      const auto found = last_seen.find(key);
      if (found != last_seen.end()) {
        ASSERT_EQ(found->second, offset) << "an old record of " << key << " is the last one from " << from;
        continue;
      }
      const auto& last = records.at(offset);
      ASSERT_FALSE(last.content.value)
          << "the value of " << key << " at " << offset << " is lost, from " << from;
      ASSERT_TRUE(may_be_gone(last)) << "the tombstone of " << key << " at " << offset << " went too early";
    }
  }
};

/// Writes at random, and keeps the books.
class random_writer {
 public:
  random_writer(std::uint64_t seed, log_world& world) : random(seed), world_(world) {}

  [[nodiscard]] std::int64_t below(std::int64_t bound) {
    return std::uniform_int_distribution<std::int64_t>(0, bound - 1)(random);
  }

  void write(storage::log& log) {
    const bool transactional = below(5) == 0;
    const std::int64_t producer = transactional ? 100 + below(2) : below(3) == 0 ? below(3) : -1;
    auto& next_sequence = sequences[producer];
    const producer_fields fields{
        .id = producer, .sequence = static_cast<std::int32_t>(next_sequence), .transactional = transactional};
    std::vector<keyed_record> records;
    const std::int64_t count = 1 + below(6);
    for (std::int64_t i = 0; i < count; ++i) records.push_back(record());
    const auto batch = make_keyed_batch(records, static_cast<compression_type>(below(5)), fields);
    const auto done = store(log, batch, storage::append_origin::client);
    ASSERT_EQ(done.outcome, storage::append_outcome::stored);
    std::int64_t offset = done.base_offset.value();
    for (auto& each : records) {
      if (transactional) open_transactions[producer].push_back(offset);
      book.records[offset++] = {std::move(each)};
    }
    book.end = offset;
    next_sequence += count;
    if (producer >= 0) last_batches[producer] = {batch, done};
  }
  void end_transaction(storage::log& log) {
    if (open_transactions.empty()) return;
    auto open = open_transactions.begin();
    std::advance(open, below(static_cast<std::int64_t>(open_transactions.size())));
    const bool aborts = below(2) == 0;
    const auto done =
        store(log, make_marker({.id = open->first}, aborts ? model::control_record_type::abort
                                                           : model::control_record_type::commit));
    for (const auto offset : open->second) {
      const auto written = book.records.find(offset);
      if (aborts && written != book.records.end()) written->second.rolled_back = true;
    }
    open_transactions.erase(open);
    book.end = done.last_offset.value() + 1;
  }
  void forget_producers() {
    sequences.clear();
    last_batches.clear();
    open_transactions.clear();
  }

  std::mt19937_64 random;
  history book;
  struct sent_batch {
    std::vector<std::byte> bytes;
    storage::appended outcome;
  };
  std::map<std::int64_t, std::int64_t> sequences;
  std::map<std::int64_t, sent_batch> last_batches;
  std::map<std::int64_t, std::vector<std::int64_t>> open_transactions;

 private:
  [[nodiscard]] keyed_record record() {
    keyed_record made;
    made.timestamp = world_.clock.now_ms() - below(5000);
    made.key = "key " + std::to_string(below(12));
    if (below(4) != 0)
      made.value = std::string(static_cast<std::size_t>(below(60)), static_cast<char>('a' + below(26)));
    return made;
  }

  log_world& world_;
};

[[nodiscard]] storage::log_config random_config(random_writer& writer) {
  auto config = compacted_config();
  config.flush_messages = writer.below(2) == 0 ? 1 : storage::never_flush;
  config.segment_bytes = 1000 + writer.below(1500);
  config.index_interval_bytes = writer.below(300);
  config.delete_retention_ms = writer.book.delete_retention_ms;
  config.file_delete_delay_ms = writer.below(2) * 500;
  return config;
}

[[nodiscard]] storage::cleaning_resources random_resources(random_writer& writer) {
  storage::cleaning_resources with;
  with.most_map_bytes = static_cast<std::size_t>(24 * (2 + writer.below(30)));
  with.map_load_factor = 1;
  with.buffer_bytes = static_cast<std::size_t>(1 + writer.below(2000));
  return with;
}

class log_clean_model_test : public ::testing::Test {
 protected:
  log_clean_model_test() : seed_(random_seed()), writer_(seed_, world_), config_(random_config(writer_)) {}

  void open(storage::start_kind start) {
    storage::log_open_options options{.start = start};
    if (log_) {
      options.recovery_point = log_->recovery_point();
      options.log_start_offset = log_->log_start_offset();
      options.cleaned_end = log_->cleaned_end();
      if (start == storage::start_kind::clean) {
        ASSERT_TRUE(log_->close(storage::close_kind::clean));
      }
    }
    log_.reset();
    log_ = world_.open(config_, options);
    ASSERT_EQ(log_->log_end_offset(), at(writer_.book.end));
  }
  void clean_once() {
    const auto now_ms = world_.clock.now_ms();
    const auto report = log_->clean(random_resources(writer_));
    ASSERT_TRUE(report) << report.error().describe();
    writer_.book.cleaning(report->upto.value(), now_ms);
  }
  void step() {
    const auto what = writer_.below(40);
    if (what < 20) return writer_.write(*log_);
    if (what < 24) return writer_.end_transaction(*log_);
    if (what < 30) {
      if (writer_.below(2) == 0) seal(*log_);
      ASSERT_TRUE(log_->flush());
      return clean_once();
    }
    if (what < 33) return world_.clock.advance(std::chrono::milliseconds(writer_.below(800)));
    if (what < 34) return open(storage::start_kind::clean);
    if (what < 35) {
      ASSERT_TRUE(log_->flush());
      return open(storage::start_kind::unclean);
    }
    if (what < 36) {
      ASSERT_TRUE(log_->remove_deleted_files(world_.clock.now_ms()));
      return;
    }
    if (what == 36) {
      ASSERT_TRUE(log_->flush());
      const auto start = log_->log_start_offset();
      ASSERT_TRUE(
          log_->advance_log_start(start + writer_.below(1 + (writer_.book.end - start.value()) / 10)));
      return;
    }
    check();
  }
  void check() {
    const std::int64_t start = log_->log_start_offset().value();
    writer_.book.check(*log_, start);
    if (HasFatalFailure()) return;
    writer_.book.check(*log_, start + writer_.below(1 + writer_.book.end - start));
    if (HasFatalFailure()) return;
    for (const auto& [producer, sent] : writer_.last_batches) {
      const auto again = store(*log_, sent.bytes, storage::append_origin::client);
      ASSERT_EQ(again.outcome, storage::append_outcome::duplicate) << "producer " << producer;
      ASSERT_EQ(again.base_offset, sent.outcome.base_offset);
      ASSERT_EQ(again.last_offset, sent.outcome.last_offset);
    }
  }

  std::uint64_t seed_;
  fault_file_system files_;
  log_world world_{files_, 8};
  random_writer writer_;
  storage::log_config config_;
  std::unique_ptr<storage::log> log_;
};

TEST_F(log_clean_model_test, reader_from_anywhere_ends_with_the_same_last_values) {
  open(storage::start_kind::unclean);
  for (int i = 0; i < 1500; ++i) {
    SCOPED_TRACE(i);
    step();
    ASSERT_FALSE(HasFatalFailure());
  }
  while (!writer_.open_transactions.empty()) writer_.end_transaction(*log_);
  seal(*log_);
  for (int i = 0; i < 40 && log_->cleaned_end() < log_->log_end_offset(); ++i) clean_once();
  check();
}

/// A short life with cleanings in it; returns when something fails, which means that the power is off.
struct short_life {
  std::int64_t recovery_point = 0;
  std::int64_t cleaned_end = 0;
  /// Everything below was confirmed to be on disk.
  std::int64_t synced_end = 0;

  void live(log_world& world, random_writer& writer, const storage::log_config& config) {
    auto opened = world.try_open(config, {});
    if (!opened) return;
    storage::log& log = **opened;
    // The first segment's name is to be there for good: what is lost of this log is lost from its end.
    if (!log.flush()) return;
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 6; ++i) {
        std::vector<keyed_record> records;
        const std::int64_t count = 1 + writer.below(3);
        for (std::int64_t each = 0; each < count; ++each) {
          records.push_back(put("k" + std::to_string(writer.below(4)), std::to_string(writer.below(1000))));
          if (writer.below(3) == 0) records.back().value.reset();
        }
        auto batch = make_keyed_batch(records, static_cast<compression_type>(writer.below(2)));
        auto done = log.append(batch, {.origin = storage::append_origin::internal});
        // It may be there after all.
        for (std::int64_t each = 0; each < count; ++each) {
          writer.book.records[writer.book.end++] = {records[static_cast<std::size_t>(each)]};
        }
        if (!done) return;
      }
      if (!log.roll() || !log.flush()) return;
      synced_end = recovery_point = writer.book.end;
      world.clock.advance(std::chrono::milliseconds(writer.below(1500)));
      // Whatever part of it is done when the power goes, these records have been met by a cleaning.
      writer.book.cleaning(writer.book.end, world.clock.now_ms());
      if (!log.clean({})) return;
      cleaned_end = log.cleaned_end().value();
      if (!log.remove_deleted_files(world.clock.now_ms())) return;
    }
  }
};

void crash_everywhere(unsynced fate) {
  const std::uint64_t seed = random_seed();
  for (std::uint64_t change = 0;; ++change) {
    SCOPED_TRACE(change);
    fault_file_system files;
    auto config = compacted_config();
    config.segment_bytes = 400;
    config.delete_retention_ms = 1000;
    config.file_delete_delay_ms = 0;
    short_life life;
    auto world = std::make_unique<log_world>(files);
    random_writer writer(seed, *world);
    files.cut_power_at(files.changes() + change);
    life.live(*world, writer, config);
    const bool survived = !files.is_down();
    files.restart(fate, seed + change);
    const auto stopped_ms = world->clock.now_ms();
    world.reset();

    log_world after(files);
    after.clock.set_wall_clock(stopped_ms);
    const auto log =
        after.open(config, {.recovery_point = at(life.recovery_point), .cleaned_end = at(life.cleaned_end)});
    ASSERT_GE(log->log_end_offset(), at(life.synced_end));
    writer.book.cut(log->log_end_offset().value());
    for (std::int64_t from = 0; from <= writer.book.end; from += 3) {
      ASSERT_NO_FATAL_FAILURE(writer.book.check(*log, from));
    }
    // What was cut short is taken up again.
    seal(*log);
    writer.book.cleaning(writer.book.end, after.clock.now_ms());
    clean(*log);
    ASSERT_NO_FATAL_FAILURE(writer.book.check(*log, 0));
    for (const auto& [key, value] : last_values(consume(*log, at(0)))) {
      std::size_t times = 0;
      for (const auto& each : consume(*log, at(0))) times += each.content.key == key ? 1 : 0;
      ASSERT_EQ(times, 1U) << key;
    }
    if (survived) {
      EXPECT_GT(change, 60U);
      return;
    }
  }
}

TEST(log_clean_crash_test, machine_stops_at_any_change_and_loses_what_was_not_synced) {
  crash_everywhere(unsynced::lost);
}

TEST(log_clean_crash_test, machine_stops_at_any_change_and_keeps_some_of_what_was_not_synced) {
  crash_everywhere(unsynced::random);
}

TEST(log_clean_crash_test, process_is_killed_at_any_change) {
  crash_everywhere(unsynced::kept);
}

}  // namespace
}  // namespace tidelog::test
