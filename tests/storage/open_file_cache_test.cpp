// How many files are open, and what becomes of what was written to those that are not.
#include "tidelog/storage/open_file_cache.hpp"

#include "support/fault_file_system.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace tidelog::test {
namespace {

using storage::cached_file;
using storage::open_file_cache;

class open_file_cache_test : public ::testing::Test {
 protected:
  static constexpr std::size_t limit = 8;

  void SetUp() override { ASSERT_TRUE(files_.make_directories("/d")); }

  /// So many files, each with something written that is to be synced.
  [[nodiscard]] std::deque<cached_file> written(open_file_cache& cache, std::size_t count) {
    std::deque<cached_file> all;
    for (std::size_t i = 0; i < count; ++i) {
      cached_file& each = all.emplace_back(cache, files_, fmt::format("/d/{}", i));
      write(each);
    }
    return all;
  }
  static void write(cached_file& to) {
    const auto file = to.get_or_create();
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(std::vector<std::byte>(10), 0));
    to.pin(*file);
  }
  [[nodiscard]] static base::status sync(cached_file& of) {
    TIDELOG_TRY(const auto file, of.get());
    TIDELOG_DO(file->sync_data());
    of.unpin();
    return {};
  }

  fault_file_system files_;
};

TEST_F(open_file_cache_test, least_recently_used_files_are_closed_first) {
  open_file_cache cache(2);
  std::deque<cached_file> all;
  for (const char* name : {"/a", "/b", "/c"}) all.emplace_back(cache, files_, name);
  const std::weak_ptr<io::file> idle = *all[0].get_or_create();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(all[1].get_or_create());
    ASSERT_TRUE(all[2].get_or_create());
  }
  EXPECT_TRUE(idle.expired());
  EXPECT_EQ(cache.open_files(), 2U);
  EXPECT_EQ(cache.held_files(), 0U) << "nothing was written";
}

TEST_F(open_file_cache_test, files_that_wait_for_a_sync_are_closed_with_a_hold) {
  open_file_cache cache(limit);
  auto all = written(cache, 10 * limit);
  EXPECT_LE(cache.open_files(), limit);
  EXPECT_GE(cache.held_files(), 9 * limit);
  EXPECT_FALSE(cache.is_overfull());
  for (auto& each : all) EXPECT_TRUE(sync(each));
  EXPECT_EQ(cache.held_files(), 0U);
  EXPECT_LE(cache.open_files(), limit);
}

TEST_F(open_file_cache_test, error_of_a_write_back_is_told_although_the_file_was_closed_meanwhile) {
  open_file_cache cache(limit);
  auto all = written(cache, 3 * limit);
  files_.fail_write_back();
  for (auto& each : all) EXPECT_EQ(sync(each).error().code, std::errc::io_error) << each.name();
}

TEST_F(open_file_cache_test, hold_lasts_through_closing_again_and_again_until_the_last_unpin) {
  open_file_cache cache(1);
  auto both = written(cache, 2);
  write(both[0]);
  write(both[1]);
  EXPECT_EQ(cache.held_files(), 2U);
  files_.fail_write_back();
  both[0].unpin();
  ASSERT_TRUE(both[1].get());
  EXPECT_FALSE(sync(both[0])) << "pinned once more";
}

TEST_F(open_file_cache_test, what_cannot_be_held_stays_open_until_it_is_synced) {
  files_.inject({.what = operation::hold, .error_number = ENOMEM, .times = for_ever});
  open_file_cache cache(limit);
  auto all = written(cache, 3 * limit);
  EXPECT_EQ(cache.open_files(), 3 * limit);
  EXPECT_EQ(cache.held_files(), 0U);
  EXPECT_TRUE(cache.is_overfull());
  for (auto& each : all) EXPECT_TRUE(sync(each));
  EXPECT_LE(cache.open_files(), limit);
}

TEST_F(open_file_cache_test, holds_have_a_bound_of_their_own) {
  open_file_cache cache(limit, 5);
  auto all = written(cache, 3 * limit);
  EXPECT_EQ(cache.held_files(), 5U);
  EXPECT_EQ(cache.open_files(), 3 * limit - 5);
  for (auto& each : all) EXPECT_TRUE(sync(each));
  EXPECT_EQ(cache.held_files(), 0U);
}

TEST_F(open_file_cache_test, file_that_goes_takes_its_hold_along) {
  open_file_cache cache(limit);
  static_cast<void>(written(cache, 3 * limit));
  EXPECT_EQ(cache.held_files(), 0U);
  EXPECT_EQ(cache.open_files(), 0U);
}

}  // namespace
}  // namespace tidelog::test
