#include "tidelog/storage/free_space_watch.hpp"

#include "ballast.hpp"
#include "support/fault_file_system.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace tidelog::storage {
namespace {

constexpr std::uint64_t mib = 1024 * 1024;
const io::path directory = "/data";

bool is_out_of_room(const base::status& outcome) {
  return !outcome && outcome.error().code == std::errc::no_space_on_device;
}

/// A disk of 100 MiB, of which tests fill as much as they want.
class free_space_watch_test : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files.make_directories(directory));
    files.set_capacity_bytes(100 * mib);
    watch.set_reserve_bytes(8 * mib);
  }
  /// As if somebody else's files had so many bytes.
  void others_use(std::uint64_t bytes) {
    const auto file = files.open("/others", io::open_mode::create);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->truncate(bytes));
  }
  void leave_free(std::uint64_t bytes) {
    others_use(0);
    const auto space = files.space(directory);
    ASSERT_TRUE(space);
    others_use(space->available_bytes - bytes);
  }
  [[nodiscard]] std::uint64_t ballast_bytes() {
    const auto file = files.open(directory / ballast::file_name, io::open_mode::read);
    return file ? (*file)->size().value() : 0;
  }
  static base::error failure(int number) {
    return {std::error_code(number, std::system_category()), "write"};
  }

  test::fault_file_system files;
  test::manual_clock clock;
  free_space_watch watch{files, clock, directory};
};

TEST_F(free_space_watch_test, default_reserve_is_a_hundredth_and_capped) {
  EXPECT_EQ(free_space_watch::default_reserve_bytes(100 * mib), mib);
  EXPECT_EQ(free_space_watch::default_reserve_bytes(std::uint64_t{1} << 50), 2048 * mib);
}

TEST_F(free_space_watch_test, records_are_refused_while_less_than_the_reserve_is_free) {
  leave_free(9 * mib);
  watch.look();
  EXPECT_TRUE(watch.admit(100));
  EXPECT_FALSE(watch.is_full());
  leave_free(8 * mib - 1);
  watch.look();
  EXPECT_TRUE(watch.is_full());
  const auto refused = watch.admit(100);
  EXPECT_TRUE(is_out_of_room(refused));
  EXPECT_NE(refused.error().describe().find("8.0 MiB"), std::string::npos) << refused.error().describe();
  EXPECT_TRUE(is_out_of_room(watch.admit(0)));
  EXPECT_EQ(watch.current().batches_refused, 1U);
  EXPECT_EQ(watch.current().times_full, 1U);
}

TEST_F(free_space_watch_test, mode_ends_only_when_more_than_the_reserve_is_free) {
  leave_free(mib);
  watch.look();
  leave_free(9 * mib);
  watch.look();
  EXPECT_TRUE(watch.is_full());
  leave_free(10 * mib);
  watch.look();
  EXPECT_FALSE(watch.is_full());
  EXPECT_TRUE(watch.admit(100));
  EXPECT_EQ(watch.current().times_full, 1U);
}

TEST_F(free_space_watch_test, what_was_admitted_is_counted_until_the_file_system_is_asked_again) {
  leave_free(50 * mib);
  watch.look();
  leave_free(mib);
  // Nobody has looked since, but an eighth of the reserve is all that is taken for granted.
  EXPECT_TRUE(watch.admit(mib / 2));
  EXPECT_TRUE(watch.admit(mib / 2));
  EXPECT_TRUE(is_out_of_room(watch.admit(1)));
}

TEST_F(free_space_watch_test, refused_write_begins_the_mode_at_once_and_a_trial_ends_it) {
  watch.look();
  for (const int number : {ENOSPC, EDQUOT}) {
    watch.note_failed_write(failure(number), 1000);
    EXPECT_TRUE(watch.is_full());
    // A quota that is used up, or no more names: the file system says that there is room, but there is none.
    files.inject(
        {.what = test::operation::open, .error_number = number, .path_contains = ".trial", .times = 1});
    watch.look();
    EXPECT_TRUE(watch.is_full());
    watch.look();
    EXPECT_FALSE(watch.is_full());
    EXPECT_FALSE(files.exists(directory / ".trial.tmp").value());
  }
}

TEST_F(free_space_watch_test, trial_that_fails_halfway_leaves_nothing_behind) {
  watch.note_failed_write(failure(ENOSPC), mib);
  files.inject({.what = test::operation::write,
                .error_number = ENOSPC,
                .path_contains = ".trial",
                .times = 1,
                .bytes_written = 500});
  watch.look();
  EXPECT_TRUE(watch.is_full());
  EXPECT_FALSE(files.exists(directory / ".trial.tmp").value());
}

TEST_F(free_space_watch_test, other_failures_are_no_full_disk) {
  watch.look();
  watch.note_failed_write(failure(EIO), 1000);
  EXPECT_FALSE(watch.is_full());
}

TEST_F(free_space_watch_test, without_a_reserve_only_a_refused_write_is_a_full_disk) {
  watch.set_reserve_bytes(0);
  leave_free(10);
  watch.look();
  EXPECT_TRUE(watch.admit(5));
  watch.note_failed_write(failure(ENOSPC), 100);
  EXPECT_TRUE(is_out_of_room(watch.admit(5)));
  leave_free(mib);
  watch.look();
  EXPECT_TRUE(watch.is_full()) << "the write that was refused and a little more has to fit";
  leave_free(2 * mib);
  watch.look();
  EXPECT_FALSE(watch.is_full());
}

TEST_F(free_space_watch_test, unknown_space_refuses_nothing) {
  files.inject({.what = test::operation::space, .error_number = EIO, .times = test::for_ever});
  watch.look();
  EXPECT_TRUE(watch.admit(1000 * mib));
}

TEST_F(free_space_watch_test, ballast_is_laid_after_the_start_and_given_back_at_one_without_room) {
  watch.begin_start();
  watch.look();
  EXPECT_EQ(ballast_bytes(), 0U) << "not before the start is over";
  watch.end_start();
  watch.look();
  const std::uint64_t whole = ballast::wanted_bytes(100 * mib);
  EXPECT_EQ(ballast_bytes(), whole);

  leave_free(0);
  free_space_watch next(files, clock, directory);
  next.set_reserve_bytes(8 * mib);
  next.begin_start();
  EXPECT_TRUE(next.is_full());
  EXPECT_EQ(ballast_bytes(), 0U);
  EXPECT_EQ(files.space(directory)->available_bytes, whole);

  // Half of what is left is for the start after this one, the rest for what has to go on now.
  next.end_start();
  next.look();
  EXPECT_EQ(ballast_bytes(), whole / 2);
  leave_free(50 * mib);
  next.look();
  EXPECT_FALSE(next.is_full());
  EXPECT_EQ(ballast_bytes(), whole);
}

TEST_F(free_space_watch_test, ballast_stays_where_a_start_has_room) {
  watch.end_start();
  watch.look();
  free_space_watch next(files, clock, directory);
  next.begin_start();
  EXPECT_GT(ballast_bytes(), 0U);
}

TEST_F(free_space_watch_test, ballast_is_completed_after_a_crash_that_cut_it_short) {
  watch.end_start();
  watch.look();
  const auto file = files.open(directory / ballast::file_name, io::open_mode::read_write);
  ASSERT_TRUE((*file)->truncate(1000));
  free_space_watch next(files, clock, directory);
  next.begin_start();
  next.end_start();
  next.look();
  EXPECT_EQ(ballast_bytes(), ballast::wanted_bytes(100 * mib));
}

TEST_F(free_space_watch_test, ballast_is_dropped_once) {
  EXPECT_FALSE(watch.drop_ballast());
  watch.end_start();
  watch.look();
  EXPECT_TRUE(watch.drop_ballast());
  EXPECT_FALSE(watch.drop_ballast());
}

TEST(ballast, takes_little_of_a_small_file_system) {
  EXPECT_EQ(ballast::wanted_bytes(64 * mib), mib);
  EXPECT_EQ(ballast::wanted_bytes(std::uint64_t{1} << 50), 4 * mib);
}

}  // namespace
}  // namespace tidelog::storage
