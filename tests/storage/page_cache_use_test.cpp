// What a log tells the kernel of the pages that it has written and read: when they may go to the disk, and which of them
// nobody will want soon.
#include "support_cleaning.hpp"
#include "write_back_stretch.hpp"

#include <gmock/gmock.h>

namespace tidelog::test {
namespace {

using storage::write_back_stretch_bytes;
using testing::ElementsAre;
using testing::IsEmpty;

/// The batches are larger by their headers, which counts for nothing in as few as there are here.
constexpr std::size_t batches_in_a_stretch = 8;
constexpr std::size_t value_bytes = write_back_stretch_bytes / batches_in_a_stretch;
const io::path first_segment = "/data/t-0/00000000000000000000.log";

class page_cache_use_test : public ::testing::Test {
 protected:
  void fill(storage::log& log, std::size_t batches) {
    for (std::size_t i = 0; i < batches; ++i) append(log, {.value_bytes = value_bytes});
  }
  [[nodiscard]] bool is_cached(const io::path& name) {
    return files_.open(name, io::open_mode::read).value()->is_cached(0, 1);
  }

  fault_file_system files_;
  log_world world_{files_};
};

TEST_F(page_cache_use_test, what_nobody_syncs_begins_to_be_written_in_stretches) {
  const auto log = world_.open(page_cache_config());
  fill(*log, 7);
  EXPECT_THAT(files_.write_backs(), IsEmpty());
  fill(*log, 10);
  EXPECT_THAT(files_.write_backs(), ElementsAre(begun_write_back{first_segment, 0, write_back_stretch_bytes},
                                                begun_write_back{first_segment, write_back_stretch_bytes,
                                                                 write_back_stretch_bytes}));
}

TEST_F(page_cache_use_test, what_is_synced_anyhow_is_left_to_the_sync) {
  const auto log = world_.open({});
  fill(*log, 10);
  EXPECT_TRUE(wait_committed(*log, at(10)));
  EXPECT_THAT(files_.write_backs(), IsEmpty());
}

class cleaned_pages_test : public page_cache_use_test {
 protected:
  cleaned_pages_test() {
    for (int i = 0; i < 3; ++i) {
      store(*log_, make_keyed_batch({put("a", std::to_string(i)), put(std::to_string(i), "x")}));
      seal(*log_);
    }
  }
  std::unique_ptr<storage::log> log_ = world_.open(compacted_config());
};

TEST_F(cleaned_pages_test, what_lay_on_the_disk_only_does_not_stay_in_memory_when_it_has_been_cleaned) {
  files_.evict_page_cache();
  clean(*log_);
  EXPECT_FALSE(is_cached(first_segment));
}

TEST_F(cleaned_pages_test, what_was_in_memory_stays_there_when_it_has_been_cleaned) {
  clean(*log_);
  EXPECT_TRUE(is_cached(first_segment));
}

TEST_F(cleaned_pages_test, large_cleaning_is_written_in_stretches) {
  for (int i = 0; i < 10; ++i) {
    store(*log_, make_keyed_batch({put("large" + std::to_string(i), std::string(value_bytes, 'x'))}));
  }
  seal(*log_);
  const auto before = files_.write_backs().size();
  clean(*log_);
  const auto begun = files_.write_backs();
  ASSERT_EQ(begun.size(), before + 1);
  EXPECT_EQ(begun.back(),
            (begun_write_back{first_segment.native() + ".cleaned", 0, write_back_stretch_bytes}));
}

}  // namespace
}  // namespace tidelog::test
