// Several logs over one commit journal: the machine stops at any change of the disk, and what was acknowledged or seen is
// still there.
#include "support/random_seed.hpp"
#include "support_journal_life.hpp"

#include <cstdlib>
#include <random>

namespace tidelog::test {
namespace {

/// Whole syncs are somebody else's subject.
constexpr std::size_t each_log_syncs = storage::log_directory_options{}.whole_sync_from_logs;

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
    const std::uint64_t first_bytes = random() % 2 == 0 ? ring_bytes : ring_bytes / 2;
    {
      files.cut_power_at(files.changes() + random() % 600);
      life daemon(files, books, topic, journal_bytes, each_log_syncs, first_bytes);
      daemon.set_epoch(number);
      if (daemon.is_up()) static_cast<void>(live(daemon, random, 150));
    }
    files.restart(random() % 5 == 0 ? unsynced::kept : fate, random());
    life daemon(files, books, topic, journal_bytes, each_log_syncs, first_bytes);
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
      life daemon(files, books, topic, ring_bytes, each_log_syncs, ring_bytes / 2);
      if (daemon.is_up()) static_cast<void>(live(daemon, random, 100));
    }
    const bool survived = !files.is_down();
    files.restart(unsynced::random, seed + change);
    // And a second time while it recovers.
    for (std::uint64_t again = 0;; again += 7) {
      files.cut_power_at(again + change % 7);
      {
        life daemon(files, books, topic, ring_bytes, each_log_syncs, ring_bytes / 2);
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

}  // namespace
}  // namespace tidelog::test
