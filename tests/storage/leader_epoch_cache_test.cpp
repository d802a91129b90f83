#include "tidelog/storage/leader_epoch_cache.hpp"

#include "support/fault_file_system.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/storage_error.hpp"

namespace tidelog::storage {
namespace {

using entries = std::vector<epoch_entry>;

epoch_entry entry(std::int32_t epoch, std::int64_t start) {
  return {model::leader_epoch(epoch), model::offset(start)};
}
epoch_end end(std::int32_t epoch, std::int64_t offset) {
  return {model::leader_epoch(epoch), model::offset(offset)};
}

leader_epoch_cache made_of(const entries& assigned) {
  leader_epoch_cache cache;
  for (const auto& each : assigned) cache.assign(each.epoch, each.start_offset);
  return cache;
}

std::string content(io::file_system& files) {
  const auto bytes = io::read_file(files, "/p/leader-epoch-checkpoint", 1 << 20);
  return bytes ? std::string(base::as_text(*bytes)) : bytes.error().code.message();
}

class leader_epoch_cache_file_test : public testing::Test {
 protected:
  leader_epoch_cache_file_test() {
    EXPECT_TRUE(files.make_directories("/p"));
    files.make_durable();
  }
  void put(std::string_view text) {
    ASSERT_TRUE(io::replace_file(files, "/p/leader-epoch-checkpoint", base::as_bytes(text)));
  }
  test::fault_file_system files;
};

TEST(leader_epoch_cache_test, same_epoch_again_changes_nothing) {
  auto cache = made_of({entry(0, 0), entry(2, 10)});
  cache.assign(model::leader_epoch(2), model::offset(15));
  EXPECT_EQ(cache.entries(), (entries{entry(0, 0), entry(2, 10)}));
}

TEST(leader_epoch_cache_test, epoch_without_records_gives_way_to_the_next_at_the_same_offset) {
  EXPECT_EQ(made_of({entry(0, 0), entry(2, 10), entry(4, 10)}).entries(),
            (entries{entry(0, 0), entry(4, 10)}));
}

TEST(leader_epoch_cache_test, assignment_drops_what_contradicts_it) {
  EXPECT_EQ(made_of({entry(0, 0), entry(3, 10), entry(5, 20), entry(4, 15)}).entries(),
            (entries{entry(0, 0), entry(3, 10), entry(4, 15)}));
  EXPECT_EQ(made_of({entry(3, 10), entry(3, 5)}).entries(), (entries{entry(3, 5)}));
}

TEST(leader_epoch_cache_test, replay_from_the_middle_of_an_epoch_leaves_it_its_beginning) {
  auto cache = made_of({entry(0, 0), entry(1, 26)});
  cache.assign(model::leader_epoch(0), model::offset(20));
  cache.assign(model::leader_epoch(1), model::offset(26));
  EXPECT_EQ(cache.entries(), (entries{entry(0, 0), entry(1, 26)}));
}

TEST(leader_epoch_cache_test, end_offset_is_where_the_next_epoch_begins) {
  const auto cache = made_of({entry(1, 5), entry(3, 10), entry(6, 20)});
  const model::offset log_end(30);
  const auto asked = [&](std::int32_t epoch) {
    return cache.end_offset_for(model::leader_epoch(epoch), log_end);
  };
  EXPECT_EQ(asked(6), end(6, 30));
  EXPECT_EQ(asked(3), end(3, 20));
  EXPECT_EQ(asked(4), end(3, 20));
  EXPECT_EQ(asked(1), end(1, 10));
  EXPECT_EQ(asked(0), end(0, 5));
  EXPECT_EQ(asked(7), epoch_end{});
  EXPECT_EQ(asked(-1), epoch_end{});
  EXPECT_EQ(leader_epoch_cache().end_offset_for(model::leader_epoch(0), log_end), epoch_end{});
}

TEST(leader_epoch_cache_test, each_offset_belongs_to_the_epoch_that_wrote_it) {
  const auto cache = made_of({entry(1, 5), entry(3, 10)});
  EXPECT_EQ(cache.epoch_at(model::offset(4)), std::nullopt);
  EXPECT_EQ(cache.epoch_at(model::offset(5)), model::leader_epoch(1));
  EXPECT_EQ(cache.epoch_at(model::offset(9)), model::leader_epoch(1));
  EXPECT_EQ(cache.epoch_at(model::offset(10)), model::leader_epoch(3));
  EXPECT_EQ(cache.latest_epoch(), model::leader_epoch(3));
  EXPECT_EQ(leader_epoch_cache().latest_epoch(), std::nullopt);
}

TEST(leader_epoch_cache_test, truncation_from_the_end_forgets_epochs_that_begin_there) {
  auto cache = made_of({entry(1, 5), entry(3, 10), entry(6, 20)});
  cache.truncate_from_end(model::offset(11));
  EXPECT_EQ(cache.entries(), (entries{entry(1, 5), entry(3, 10)}));
  cache.truncate_from_end(model::offset(10));
  EXPECT_EQ(cache.entries(), (entries{entry(1, 5)}));
  cache.truncate_from_end(model::offset(0));
  EXPECT_TRUE(cache.entries().empty());
}

TEST(leader_epoch_cache_test, truncation_from_the_start_lets_the_covering_epoch_begin_there) {
  auto cache = made_of({entry(1, 5), entry(3, 10), entry(6, 20)});
  cache.truncate_from_start(model::offset(4));
  EXPECT_EQ(cache.entries(), (entries{entry(1, 5), entry(3, 10), entry(6, 20)}));
  cache.truncate_from_start(model::offset(12));
  EXPECT_EQ(cache.entries(), (entries{entry(3, 12), entry(6, 20)}));
  cache.truncate_from_start(model::offset(20));
  EXPECT_EQ(cache.entries(), (entries{entry(6, 20)}));
  cache.truncate_from_start(model::offset(50));
  EXPECT_EQ(cache.entries(), (entries{entry(6, 50)}));
}

TEST(leader_epoch_cache_test, agrees_with_an_epoch_noted_for_every_record) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 50; ++round) {
    leader_epoch_cache cache;
    std::vector<std::int32_t> epochs;  // of each offset
    std::size_t start = 0;
    std::int32_t epoch = 0;
    for (int step = 0; step < 60; ++step) {
      switch (random() % 5) {
        case 0:
          epoch += 1 + static_cast<std::int32_t>(random() % 3);
          break;
        case 1:
          epochs.resize(start + random() % (epochs.size() - start + 1));
          cache.truncate_from_end(model::offset(static_cast<std::int64_t>(epochs.size())));
          break;
        case 2:
          start += random() % (epochs.size() - start + 1);
          cache.truncate_from_start(model::offset(static_cast<std::int64_t>(start)));
          break;
        default:
          cache.assign(model::leader_epoch(epoch), model::offset(static_cast<std::int64_t>(epochs.size())));
          epochs.resize(epochs.size() + 1 + random() % 4, epoch);
      }
      for (auto at = start; at < epochs.size(); ++at) {
        ASSERT_EQ(cache.epoch_at(model::offset(static_cast<std::int64_t>(at))),
                  model::leader_epoch(epochs[at]))
            << "round " << round << " step " << step << " offset " << at;
      }
    }
  }
}

TEST_F(leader_epoch_cache_file_test, file_is_byte_for_byte_kafkas) {
  auto cache = made_of({entry(0, 0), entry(2, 1530)});
  ASSERT_TRUE(cache.flush(files, "/p"));
  EXPECT_EQ(content(files), "0\n2\n0 0\n2 1530\n");
  leader_epoch_cache loaded;
  EXPECT_EQ(loaded.load(files, "/p"), leader_epoch_cache::file_state::loaded);
  EXPECT_EQ(loaded.entries(), cache.entries());
}

TEST_F(leader_epoch_cache_file_test, no_file_and_an_empty_file_have_no_epochs) {
  leader_epoch_cache cache;
  EXPECT_EQ(cache.load(files, "/p"), leader_epoch_cache::file_state::missing);
  put("");
  EXPECT_EQ(cache.load(files, "/p"), leader_epoch_cache::file_state::missing);
}

TEST_F(leader_epoch_cache_file_test, damaged_files_are_told_from_newer_ones_and_leave_nothing_behind) {
  for (const auto* text :
       {"0\n2\n0 0\n", "0\n1\n0 0\n2 5\n", "0\n1\n0\n", "0\n1\n0 0 0\n", "0\n1\nx 0\n", "0\n1\n0 -4\n",
        "0\n2\n1 0\n1 5\n", "0\n2\n0 5\n1 5\n", "0\n1\n0 0", "\n", "garbage\n0\n", "0\n-1\n"}) {
    put(text);
    auto cache = made_of({entry(8, 8)});
    const auto outcome = cache.load(files, "/p");
    ASSERT_FALSE(outcome) << text;
    EXPECT_EQ(outcome.error().code, errc::corrupt_checkpoint) << text;
    EXPECT_TRUE(cache.entries().empty()) << text;
  }
  put("1\n0\n");
  leader_epoch_cache cache;
  EXPECT_EQ(cache.load(files, "/p").error().code, errc::unknown_format_version);
}

TEST_F(leader_epoch_cache_file_test, damaged_file_is_replaced_also_when_there_is_nothing_to_say) {
  put("garbage");
  leader_epoch_cache cache;
  ASSERT_FALSE(cache.load(files, "/p"));
  ASSERT_TRUE(cache.flush(files, "/p"));
  EXPECT_EQ(content(files), "0\n0\n");
}

TEST_F(leader_epoch_cache_file_test, nothing_is_written_without_a_change) {
  leader_epoch_cache cache;
  const auto before = files.changes();
  ASSERT_TRUE(cache.flush(files, "/p"));
  EXPECT_EQ(files.changes(), before);
}

TEST_F(leader_epoch_cache_file_test, failed_flush_is_tried_again) {
  auto cache = made_of({entry(0, 0)});
  files.inject({.what = test::operation::sync, .error_number = EIO});
  EXPECT_FALSE(cache.flush(files, "/p"));
  EXPECT_TRUE(cache.flush(files, "/p"));
  EXPECT_EQ(content(files), "0\n1\n0 0\n");
}

TEST_F(leader_epoch_cache_file_test, power_cut_during_a_flush_leaves_the_old_or_the_new_epochs) {
  const auto seed = test::random_seed();
  for (std::uint64_t at = 0;; ++at) {
    test::fault_file_system disk;
    ASSERT_TRUE(disk.make_directories("/p"));
    auto cache = made_of({entry(0, 0)});
    ASSERT_TRUE(cache.flush(disk, "/p"));
    const auto old = cache.entries();
    cache.assign(model::leader_epoch(1), model::offset(77));
    disk.make_durable();
    disk.cut_power_at(disk.changes() + at);
    const bool flushed = cache.flush(disk, "/p").has_value();
    const bool was_cut = disk.is_down();
    disk.restart(test::unsynced::random, seed + at);
    leader_epoch_cache loaded;
    ASSERT_EQ(loaded.load(disk, "/p"), leader_epoch_cache::file_state::loaded) << "change " << at;
    EXPECT_TRUE(loaded.entries() == cache.entries() || (!flushed && loaded.entries() == old))
        << "change " << at;
    if (!was_cut) break;
  }
}

}  // namespace
}  // namespace tidelog::storage
