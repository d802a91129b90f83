// Several logs over one commit journal: the machine stops at any change of the disk, disks refuse, and what was
// acknowledged or seen is still there.
#include "journal_instruments.hpp"
#include "support/random_seed.hpp"
#include "support_log.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/journal_file.hpp"
#include "tidelog/storage/log_directory.hpp"

#include <array>
#include <map>
#include <random>

namespace tidelog::test {
namespace {

using storage::read_bound;

const io::path data = "/data";
constexpr std::uint64_t ring_bytes = 40 * storage::journal_block_bytes;
constexpr int log_count = 3;

[[nodiscard]] model::topic_partition name_of(int log) {
  return {"topic", model::partition_index(log)};
}

/// What a log must have.
struct log_book {
  /// By offset: what was appended, each with a value of its own.
  std::vector<std::string> values;
  /// Confirmed to the writer, or seen by a reader below the high watermark.
  std::int64_t promised_end = 0;
  std::int64_t start = 0;
};

/// One life of a daemon, as far as its logs are concerned.
class life {
 public:
  life(fault_file_system& files, std::array<log_book, log_count>& books, const model::topic_id& topic,
       std::uint64_t journal_bytes = ring_bytes)
      : files_(files), books_(books), topic_(topic) {
    storage::log_directory_options options;
    options.journal_bytes = journal_bytes;
    options.journal_logs_in_a_round = 8;
    options.metrics = &metrics_;
    auto opened = storage::log_directory::open(environment_, data, options);
    if (!opened) return;
    directory_ = std::move(*opened);
    for (int log = 0; log < log_count; ++log) {
      auto each = directory_->open_log({name_of(log), topic_, config()}, storage::when_missing::create);
      if (each) logs_[static_cast<std::size_t>(log)] = std::move(*each);
    }
  }
  life(const life&) = delete;
  life& operator=(const life&) = delete;
  ~life() {
    for (auto& each : logs_) each.reset();
    directory_.reset();
  }

  [[nodiscard]] static storage::log_config config() {
    storage::log_config config;
    config.segment_bytes = 60'000;
    config.index_interval_bytes = 500;
    return config;
  }
  [[nodiscard]] bool is_up() const {
    return std::all_of(logs_.begin(), logs_.end(), [](const auto& each) { return each != nullptr; });
  }
  [[nodiscard]] storage::log& log(int number) { return *logs_[static_cast<std::size_t>(number)]; }
  [[nodiscard]] storage::log_directory& directory() { return *directory_; }
  [[nodiscard]] log_book& book(int number) { return books_[static_cast<std::size_t>(number)]; }

  [[nodiscard]] bool append(int number, std::size_t padding) {
    auto& of = book(number);
    const auto value = "log " + std::to_string(number) + " record " + std::to_string(of.values.size()) + " " +
                       std::to_string(++serial_) + std::string(padding, '.');
    auto batch =
        make_batch({.producer_id = 5, .sequence = static_cast<int>(of.values.size()), .value = value});
    const auto done = log(number).append(
        batch, {.leader_epoch = model::leader_epoch(epoch_), .origin = storage::append_origin::internal});
    if (!done) return false;
    of.values.push_back(value);
    EXPECT_EQ(done->end_offset(), at(static_cast<std::int64_t>(of.values.size())));
    return true;
  }
  [[nodiscard]] bool wait(int number) {
    auto& of = book(number);
    const auto end = static_cast<std::int64_t>(of.values.size());
    if (!wait_committed(log(number), at(end))) return false;
    of.promised_end = end;
    return true;
  }
  void look(int number) {
    auto& of = book(number);
    of.promised_end = std::max(of.promised_end, log(number).high_watermark().value());
  }
  [[nodiscard]] storage::journal_instruments counts() { return storage::journal_instruments(metrics_); }
  void set_epoch(int epoch) { epoch_ = epoch; }

  /// The log has what it must have; what else it has is as it was appended. It goes on from there.
  void check(int number) {
    SCOPED_TRACE("log " + std::to_string(number));
    auto& of = book(number);
    const auto end = log(number).log_end_offset().value();
    ASSERT_GE(end, of.promised_end);
    ASSERT_LE(end, static_cast<std::int64_t>(of.values.size()));
    ASSERT_EQ(log(number).high_watermark(), at(end));
    const auto start = log(number).log_start_offset();
    ASSERT_LE(start.value(), std::max(of.start, std::int64_t{0}));
    const auto bytes = read_all(log(number), start, read_bound::log_end());
    base::byte_view rest(bytes);
    std::int64_t expected = -1;
    while (!rest.empty()) {
      const auto batch = model::parse_record_batch(rest);
      ASSERT_TRUE(batch) << batch.error().describe();
      ASSERT_TRUE(model::verify_crc(*batch));
      const auto base = batch->base_offset().value();
      // Of segments that were being deleted any may be back.
      if (expected >= of.start && expected >= 0) {
        ASSERT_EQ(base, expected);
      } else if (expected < 0) {
        ASSERT_LE(base, start.value());
      }
      const auto& value = of.values.at(static_cast<std::size_t>(base));
      ASSERT_NE(base::as_text(batch->bytes()).find(value), std::string_view::npos) << "offset " << base;
      expected = base + 1;
      rest = rest.subspan(batch->size_bytes());
    }
    if (expected >= 0) {
      ASSERT_EQ(expected, end);
    }
    of.values.resize(static_cast<std::size_t>(end));
    // It has been synced and shown.
    of.promised_end = end;
  }
  [[nodiscard]] base::status close() { return directory_->close(pool_, 1); }
  manual_clock clock_;

 private:
  metrics::registry metrics_;
  fault_file_system& files_;
  std::array<log_book, log_count>& books_;
  const model::topic_id topic_;
  storage::open_file_cache open_files_{64};
  storage::group_commit commits_{2};
  storage::log_environment environment_{files_, open_files_, commits_, clock_};
  base::worker_pool pool_{"crash", 2};
  std::unique_ptr<storage::log_directory> directory_;
  std::array<std::shared_ptr<storage::log>, log_count> logs_;
  int epoch_ = 0;
  static inline std::uint64_t serial_ = 0;
};

[[nodiscard]] bool step(life& daemon, std::mt19937_64& random) {
  const int log = static_cast<int>(random() % log_count);
  switch (random() % 20) {
    case 0:
      return daemon.append(log, 70'000);
    case 1:
      return static_cast<bool>(daemon.log(log).flush());
    case 2:
      return static_cast<bool>(daemon.log(log).roll());
    case 3:
      return static_cast<bool>(daemon.directory().write_checkpoints());
    case 4: {
      const auto up_to = daemon.log(log).high_watermark();
      daemon.book(log).start = std::max(daemon.book(log).start, up_to.value());
      return static_cast<bool>(daemon.log(log).advance_log_start(up_to)) &&
             daemon.log(log).remove_deleted_files(daemon.clock_.now_ms()).has_value();
    }
    case 5:
    case 6:
    case 7:
      return daemon.wait(log);
    case 8:
      daemon.look(log);
      return true;
    case 9:
      daemon.clock_.advance(std::chrono::minutes(2));
      return true;
    default:
      return daemon.append(log, random() % 3000);
  }
}

/// Lives until the power goes, or all is done; true when the directory was closed.
[[nodiscard]] bool live(life& daemon, std::mt19937_64& random, int steps) {
  for (int i = 0; i < steps; ++i) {
    if (!step(daemon, random)) return false;
  }
  for (int log = 0; log < log_count; ++log) {
    if (!daemon.wait(log)) return false;
  }
  return random() % 4 == 0 && daemon.close();
}

[[nodiscard]] int times(int usual) {
  const char* const more = std::getenv("TIDELOG_TEST_ROUNDS");
  return more == nullptr ? usual : std::atoi(more);
}

/// One directory through several lives, each of which ends somewhere.
void random_lives(std::uint64_t seed, unsynced fate) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  fault_file_system files;
  std::array<log_book, log_count> books;
  const auto topic = base::random_uuid();
  // The first start of all is somebody else's subject.
  { const life first(files, books, topic); }
  files.make_durable();
  for (int number = 0; number < 6; ++number) {
    SCOPED_TRACE("life " + std::to_string(number));
    const std::uint64_t journal_bytes = random() % 8 == 0 ? 0 : ring_bytes;
    {
      files.cut_power_at(files.changes() + random() % 600);
      life daemon(files, books, topic, journal_bytes);
      daemon.set_epoch(number);
      if (daemon.is_up()) static_cast<void>(live(daemon, random, 150));
    }
    files.restart(random() % 5 == 0 ? unsynced::kept : fate, random());
    life daemon(files, books, topic, journal_bytes);
    ASSERT_TRUE(daemon.is_up());
    for (int log = 0; log < log_count; ++log) ASSERT_NO_FATAL_FAILURE(daemon.check(log));
  }
}

TEST(journal_crash_test, what_was_promised_survives_power_cuts_that_lose_everything_unsynced) {
  const auto seed = random_seed();
  for (int i = 0; i < times(40); ++i) {
    ASSERT_NO_FATAL_FAILURE(random_lives(seed + static_cast<std::uint64_t>(i), unsynced::lost));
  }
}

TEST(journal_crash_test, what_was_promised_survives_power_cuts_that_tear_and_reorder) {
  const auto seed = random_seed();
  for (int i = 0; i < times(40); ++i) {
    ASSERT_NO_FATAL_FAILURE(random_lives(seed + static_cast<std::uint64_t>(i), unsynced::random));
  }
}

TEST(journal_crash_test, power_may_go_at_every_change_of_one_life) {
  const auto seed = random_seed();
  // The threads take turns as they like, so that a number does not name the same change in each life.
  for (std::uint64_t change = 0;; change += 3) {
    SCOPED_TRACE("change " + std::to_string(change));
    std::mt19937_64 random(seed);
    fault_file_system files;
    std::array<log_book, log_count> books;
    const auto topic = base::random_uuid();
    {
      files.cut_power_at(change);
      life daemon(files, books, topic);
      if (daemon.is_up()) static_cast<void>(live(daemon, random, 100));
    }
    const bool survived = !files.is_down();
    files.restart(unsynced::random, seed + change);
    // And a second time while it recovers.
    for (std::uint64_t again = 0;; again += 7) {
      files.cut_power_at(again + change % 7);
      {
        life daemon(files, books, topic);
        if (daemon.is_up()) {
          for (int log = 0; log < log_count; ++log) ASSERT_NO_FATAL_FAILURE(daemon.check(log));
        }
      }
      if (!files.is_down()) break;
      files.restart(unsynced::random, seed + change + again);
    }
    if (survived) {
      EXPECT_GT(change, 20U);
      return;
    }
  }
}

class journal_faults_test : public ::testing::Test {
 protected:
  void SetUp() override {
    daemon_.emplace(files_, books_, topic_);
    ASSERT_TRUE(daemon_->is_up());
  }
  /// Until the journal has been laid out and takes what it is offered.
  void warm_up() {
    for (int log = 0; log < log_count; ++log) {
      const auto before = daemon_->counts().batches.value();
      while (daemon_->counts().batches.value() == before) {
        ASSERT_TRUE(daemon_->append(log, 10));
        ASSERT_TRUE(daemon_->wait(log));
      }
    }
  }
  void restart(unsynced fate = unsynced::lost) {
    daemon_.reset();
    files_.clear_faults();
    files_.restart(fate);
    daemon_.emplace(files_, books_, topic_);
    ASSERT_TRUE(daemon_->is_up());
    for (int log = 0; log < log_count; ++log) ASSERT_NO_FATAL_FAILURE(daemon_->check(log));
  }

  fault_file_system files_;
  std::array<log_book, log_count> books_;
  const model::topic_id topic_ = base::random_uuid();
  std::optional<life> daemon_;
};

TEST_F(journal_faults_test, acknowledgement_needs_no_sync_of_the_segment) {
  warm_up();
  ASSERT_TRUE(daemon_->log(0).flush());
  const auto point = daemon_->log(0).recovery_point();
  ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  EXPECT_EQ(daemon_->log(0).recovery_point(), point);
  EXPECT_EQ(daemon_->log(0).high_watermark(), point + 1);
  restart();
  EXPECT_TRUE(daemon_->log(0).recovery().has(storage::recovery_outcome::replayed_from_journal));
  EXPECT_EQ(daemon_->log(0).recovery_point(), daemon_->log(0).log_end_offset());
}

TEST_F(journal_faults_test, log_whose_segments_fail_keeps_what_the_journal_acknowledged) {
  warm_up();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(daemon_->append(0, 10));
    ASSERT_TRUE(daemon_->wait(0));
  }
  files_.inject({.what = operation::sync, .error_number = EIO, .path_contains = "topic-0"});
  EXPECT_FALSE(daemon_->log(0).flush());
  EXPECT_EQ(daemon_->log(0).health(), storage::log_health::offline);
  // The others go on, round after round, and never over what that log needs.
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(daemon_->append(1, 1000));
    ASSERT_TRUE(daemon_->wait(1));
  }
  EXPECT_FALSE(daemon_->close()) << "the directory is not clean";
  restart();
}

TEST_F(journal_faults_test, journal_that_fails_is_replaced_and_nothing_is_lost) {
  warm_up();
  files_.inject({.what = operation::sync, .error_number = EIO, .path_contains = storage::journal_file_name});
  for (int i = 0; i < 20; ++i) {
    for (int log = 0; log < log_count; ++log) {
      ASSERT_TRUE(daemon_->append(log, 10));
      ASSERT_TRUE(daemon_->wait(log));
    }
  }
  EXPECT_EQ(daemon_->counts().failures.value(), 1U);
  warm_up();
  restart();
}

TEST_F(journal_faults_test, journal_that_fails_twice_refuses_durable_appends_and_reads_go_on) {
  warm_up();
  files_.inject({.what = operation::sync,
                 .error_number = EIO,
                 .path_contains = storage::journal_file_name,
                 .times = for_ever});
  while (daemon_->append(0, 10)) ASSERT_TRUE(daemon_->wait(0));
  auto batch = make_batch({});
  EXPECT_EQ(daemon_->log(1).append(batch, {}).error().code, storage::errc::journal_failed);
  EXPECT_EQ(daemon_->log(1).health(), storage::log_health::online);
  EXPECT_EQ(daemon_->log(1).high_watermark().value(), daemon_->book(1).promised_end);
  EXPECT_FALSE(read_all(daemon_->log(1), at(0), read_bound::high_watermark()).empty());
  auto config = life::config();
  config.flush_messages = storage::never_flush;
  daemon_->log(2).update_config(config);
  EXPECT_TRUE(daemon_->append(2, 10)) << "who does not ask for the disk does not need it";
  restart(unsynced::kept);
}

TEST_F(journal_faults_test, clean_stop_leaves_nothing_to_replay) {
  warm_up();
  ASSERT_TRUE(daemon_->close());
  restart(unsynced::kept);
  EXPECT_EQ(daemon_->directory().start(), storage::start_kind::clean);
  EXPECT_EQ(daemon_->counts().batches_replayed.value(), 0U);
}

TEST_F(journal_faults_test, topic_that_is_not_durable_any_more_holds_nothing_up) {
  warm_up();
  auto config = life::config();
  config.flush_messages = storage::never_flush;
  daemon_->log(0).update_config(config);
  const auto before = daemon_->counts().batches.value();
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(daemon_->append(1, 1000));
    ASSERT_TRUE(daemon_->wait(1));
  }
  EXPECT_GT(daemon_->counts().batches.value(), before + 150) << "the ring came free again and again";
}

TEST_F(journal_faults_test, deleted_topic_does_not_come_back_and_frees_the_ring) {
  warm_up();
  ASSERT_TRUE(daemon_->directory().delete_log(name_of(0), 0));
  books_[0] = {};
  const auto topic = base::random_uuid();
  auto again =
      daemon_->directory().open_log({name_of(0), topic, life::config()}, storage::when_missing::create);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->log_end_offset(), at(0));
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(daemon_->append(1, 1000));
    ASSERT_TRUE(daemon_->wait(1));
  }
  EXPECT_GT(daemon_->counts().rounds.value(), 1U);
}

TEST_F(journal_faults_test, log_that_went_on_elsewhere_takes_nothing_from_a_stale_journal) {
  warm_up();
  ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  daemon_.reset();
  files_.restart(unsynced::lost);
  // Somebody who does not know the journal: the log ends where its file does, and goes on in a later epoch.
  {
    log_world world(files_);
    world.directory = data / "topic-0";
    const auto log = world.open(life::config());
    books_[0].values.resize(static_cast<std::size_t>(log->log_end_offset().value()));
    books_[0].promised_end = 0;
    auto batch = make_batch({.value = "somebody else's"});
    ASSERT_TRUE(log->append(batch, {.leader_epoch = model::leader_epoch(9)}));
    books_[0].values.emplace_back("somebody else's");
    ASSERT_TRUE(log->flush());
  }
  daemon_.emplace(files_, books_, topic_);
  ASSERT_TRUE(daemon_->is_up());
  for (int log = 0; log < log_count; ++log) ASSERT_NO_FATAL_FAILURE(daemon_->check(log));
}

TEST_F(journal_faults_test, truncation_is_not_undone_by_the_journal) {
  warm_up();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  const auto end = daemon_->log(0).log_end_offset() - 2;
  ASSERT_TRUE(daemon_->log(0).truncate_to(end));
  books_[0].values.resize(static_cast<std::size_t>(end.value()));
  books_[0].promised_end = end.value();
  ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  restart();
}

class stray_journal_test : public journal_faults_test {
 protected:
  void stop_uncleanly() {
    warm_up();
    daemon_.reset();
    files_.restart(unsynced::kept);
  }
  void write_header(std::uint64_t position, std::byte value) {
    const auto file = *files_.open(journal_, io::open_mode::read_write);
    for (std::uint64_t block = 0; block < storage::journal_header_blocks; ++block) {
      ASSERT_TRUE(file->write_at({&value, 1}, block * storage::journal_block_bytes + position));
    }
  }
  const io::path journal_ = data / storage::journal_file_name;
};

TEST_F(stray_journal_test, damaged_one_is_set_aside_and_the_daemon_starts) {
  stop_uncleanly();
  write_header(30, std::byte{0xff});
  daemon_.emplace(files_, books_, topic_);
  EXPECT_TRUE(daemon_->is_up());
  EXPECT_TRUE(*files_.exists(journal_.native() + ".aside-1"));
  warm_up();
}

TEST_F(stray_journal_test, one_of_a_newer_version_stops_the_start_after_a_crash) {
  stop_uncleanly();
  write_header(9, std::byte{2});
  log_world world(files_);
  storage::log_directory_options options;
  options.journal_bytes = ring_bytes;
  const auto opened = storage::log_directory::open(world.environment(), data, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, storage::errc::unknown_format_version);
  EXPECT_NE(opened.error().context.find(storage::journal_file_name), std::string::npos);
}

TEST_F(stray_journal_test, one_of_another_directory_is_set_aside_and_not_replayed) {
  warm_up();
  const auto foreign = *io::read_file(files_, journal_, 1 << 20);
  daemon_.reset();
  fault_file_system elsewhere;
  std::array<log_book, log_count> books;
  { life first(elsewhere, books, topic_); }
  elsewhere.restart(unsynced::kept);
  ASSERT_TRUE(io::replace_file(elsewhere, journal_, foreign));
  life second(elsewhere, books, topic_);
  ASSERT_TRUE(second.is_up());
  EXPECT_EQ(second.log(0).log_end_offset(), at(0));
  EXPECT_TRUE(*elsewhere.exists(journal_.native() + ".aside-1"));
}

TEST_F(stray_journal_test, switched_off_one_gives_back_what_it_has_and_goes) {
  warm_up();
  ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  daemon_.reset();
  files_.restart(unsynced::lost);
  daemon_.emplace(files_, books_, topic_, 0);
  ASSERT_TRUE(daemon_->is_up());
  for (int log = 0; log < log_count; ++log) ASSERT_NO_FATAL_FAILURE(daemon_->check(log));
  EXPECT_FALSE(*files_.exists(journal_));
}

}  // namespace
}  // namespace tidelog::test
