// Names change hands while files are looked up by them.
#include "segment.hpp"
#include "support_log.hpp"

#include "tidelog/storage/open_file_cache.hpp"

namespace tidelog::test {
namespace {

using storage::cached_file;
using storage::segment;

class file_names_test : public ::testing::Test {
 protected:
  file_names_test() { static_cast<void>(files_.make_directories("/d")); }
  void write(const io::path& name, std::size_t bytes) {
    const auto file = files_.open(name, io::open_mode::create);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(std::vector<std::byte>(bytes), 0));
  }

  fault_file_system files_;
  storage::open_file_cache cache_{8};
  storage::group_commit commits_{1};
  manual_clock clock_;
  storage::segment_home home_{{files_, cache_, commits_, clock_}, io::compact_path("/d")};
};

TEST_F(file_names_test, removed_file_is_not_found_again_under_a_name_that_another_one_got) {
  write("/d/old", 5);
  write("/d/new", 3);
  cached_file old(cache_, files_, "/d/old");
  cached_file fresh(cache_, files_, "/d/new");
  ASSERT_TRUE(old.get());
  ASSERT_TRUE(old.remove());
  ASSERT_TRUE(fresh.rename_to("/d/old"));
  EXPECT_TRUE(old.is_removed());
  EXPECT_EQ(old.get().error().code, std::errc::no_such_file_or_directory);
  EXPECT_EQ(*(*fresh.get())->size(), 3U);
  // Once more does not take what is another's.
  ASSERT_TRUE(old.remove());
  EXPECT_TRUE(*files_.exists("/d/old"));
}

TEST_F(file_names_test, removed_file_stays_open_while_something_written_is_to_be_synced) {
  write("/d/old", 5);
  cached_file old(cache_, files_, "/d/old");
  {
    const auto file = old.get();
    ASSERT_TRUE(file);
    old.pin(*file);
  }
  ASSERT_TRUE(old.remove());
  ASSERT_TRUE(old.get());
  old.unpin();
  old.close();
  EXPECT_FALSE(old.get());
}

TEST_F(file_names_test, removal_that_fails_can_be_tried_again) {
  write("/d/old", 5);
  cached_file old(cache_, files_, "/d/old");
  files_.inject({.what = operation::remove, .error_number = EIO, .times = 1});
  EXPECT_FALSE(old.remove());
  EXPECT_TRUE(old.get());
  EXPECT_TRUE(old.remove());
  EXPECT_FALSE(*files_.exists("/d/old"));
}

TEST_F(file_names_test, size_of_a_segment_is_that_of_its_own_file_under_whatever_name) {
  write("/d/00000000000000000000.log", 500);
  write("/d/00000000000000000000.log.cleaned", 300);
  segment old(home_, model::offset(0));
  segment fresh(home_, model::offset(0), storage::cleaned_suffix);
  ASSERT_TRUE(old.rename_deleted());
  ASSERT_TRUE(fresh.rename_to_suffix(""));
  EXPECT_EQ(*old.size(), 500U);
  EXPECT_EQ(*fresh.size(), 300U);
}

TEST_F(file_names_test, size_of_a_removed_segment_is_not_that_of_the_next_one_with_its_name) {
  write("/d/00000000000000000000.log", 500);
  segment old(home_, model::offset(0));
  ASSERT_TRUE(old.remove_files());
  write("/d/00000000000000000000.log", 300);
  EXPECT_EQ(old.size().error().code, std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace tidelog::test
