// The journal's bookkeeping against a model that remembers every group.
#include "journal_ring.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace tidelog::test {
namespace {

using storage::journal_account;
using storage::journal_account_ptr;
using storage::journal_ring;
using reserve = journal_ring::reserve;

[[nodiscard]] journal_account_ptr make_account(int number) {
  storage::journal_log_id id;
  id.partition = model::partition_index(number);
  return std::make_shared<journal_account>(id);
}

[[nodiscard]] journal_ring make_ring(std::uint64_t blocks, std::size_t logs_in_a_round) {
  journal_ring ring({logs_in_a_round});
  ring.begin_run(blocks);
  return ring;
}

/// Places a group with a batch of the log up to `end` and makes it durable.
journal_ring::place put(journal_ring& ring, const journal_account_ptr& account, std::int64_t end,
                        std::uint64_t blocks = 1) {
  ring.add_log(account, model::offset(end));
  const auto at = ring.place_group(blocks);
  ring.group_is_durable(at.sequence, ring.oldest_needed());
  return at;
}

/// A group that only says which ones are needed.
void put_mark(journal_ring& ring) {
  const auto at = ring.place_group(1);
  ring.group_is_durable(at.sequence, ring.oldest_needed());
}

TEST(journal_ring_test, groups_follow_each_other_and_go_around) {
  auto ring = make_ring(8, 10);
  const auto log = make_account(1);
  EXPECT_EQ(put(ring, log, 1, 3).block, 0U);
  EXPECT_EQ(put(ring, log, 2, 3).block, 3U);
  ring.synced(*log, model::offset(2));
  put_mark(ring);
  EXPECT_EQ(put(ring, log, 3, 3).block, 7U);
  EXPECT_EQ(put(ring, log, 4, 1).block, 2U);
}

TEST(journal_ring_test, blocks_are_free_only_when_a_group_on_disk_says_so) {
  auto ring = make_ring(8, 10);
  const auto log = make_account(1);
  put(ring, log, 1, 6);
  EXPECT_FALSE(ring.has_room(1, reserve::for_truncation_and_mark));
  EXPECT_FALSE(ring.mark_would_free());
  ring.synced(*log, model::offset(1));
  EXPECT_TRUE(ring.mark_would_free());
  EXPECT_FALSE(ring.has_room(1, reserve::for_truncation_and_mark));
  const auto mark = ring.place_group(1);
  EXPECT_EQ(ring.used_blocks(), 7U);
  ring.group_is_durable(mark.sequence, ring.oldest_needed());
  EXPECT_EQ(ring.used_blocks(), 1U);
  EXPECT_TRUE(ring.has_room(5, reserve::for_truncation_and_mark));
}

TEST(journal_ring_test, round_is_due_when_half_of_the_ring_is_used_or_many_logs_wait) {
  auto by_size = make_ring(8, 10);
  const auto log = make_account(1);
  put(by_size, log, 1, 4);
  EXPECT_FALSE(by_size.round_is_due());
  put(by_size, log, 2, 1);
  EXPECT_TRUE(by_size.round_is_due());

  auto by_logs = make_ring(100, 2);
  put(by_logs, make_account(1), 3);
  EXPECT_FALSE(by_logs.round_is_due());
  put(by_logs, make_account(2), 1);
  EXPECT_TRUE(by_logs.round_is_due());
  put(by_logs, make_account(3), 1);
  EXPECT_TRUE(by_logs.takes_another_log());
  put(by_logs, make_account(4), 1);
  EXPECT_FALSE(by_logs.takes_another_log());
}

TEST(journal_ring_test, round_names_every_log_once_and_the_next_waits_for_it) {
  auto ring = make_ring(100, 2);
  const auto one = make_account(1);
  const auto two = make_account(2);
  put(ring, one, 1);
  ring.synced(*one, model::offset(1));
  put(ring, one, 2);
  put(ring, two, 1);
  EXPECT_EQ(ring.begin_round(), (std::vector{one, two}));
  put(ring, one, 3);
  put(ring, two, 2);
  EXPECT_FALSE(ring.round_is_due());
  ring.synced(*one, model::offset(3));
  EXPECT_FALSE(ring.round_is_due());
  ring.synced(*two, model::offset(1));
  EXPECT_FALSE(ring.round_is_due()) << "only one log is left";
  put(ring, one, 4);
  EXPECT_TRUE(ring.round_is_due());
}

TEST(journal_ring_test, log_that_was_synced_meanwhile_needs_no_place) {
  auto ring = make_ring(100, 2);
  const auto log = make_account(1);
  ring.synced(*log, model::offset(5));
  put(ring, log, 5);
  EXPECT_FALSE(ring.is_needed());
}

TEST(journal_ring_test, forgotten_batches_hold_nothing_up) {
  auto ring = make_ring(100, 2);
  const auto log = make_account(1);
  put(ring, log, 10);
  static_cast<void>(ring.begin_round());
  put(ring, log, 20);
  ring.forget_batches(*log, model::offset(4));
  EXPECT_FALSE(ring.is_needed());
  put(ring, log, 5);
  EXPECT_TRUE(ring.is_needed()) << "the log goes on at 4";
}

TEST(journal_ring_test, ring_that_grows_goes_on_behind_its_old_end) {
  auto ring = make_ring(8, 10);
  const auto log = make_account(1);
  EXPECT_EQ(put(ring, log, 1, 6).block, 0U);
  ring.synced(*log, model::offset(1));
  EXPECT_EQ(put(ring, log, 2, 2).block, 6U);
  ASSERT_TRUE(ring.can_grow());
  ring.grow(16);
  EXPECT_EQ(ring.blocks(), 16U);
  EXPECT_EQ(put(ring, log, 3, 5).block, 8U);
  EXPECT_EQ(put(ring, log, 4, 4).block, 13U);
  EXPECT_EQ(put(ring, log, 5, 2).block, 1U);
}

TEST(journal_ring_test, ring_does_not_grow_while_what_is_needed_goes_around) {
  auto ring = make_ring(8, 10);
  const auto log = make_account(1);
  put(ring, log, 1, 6);
  ring.synced(*log, model::offset(1));
  put(ring, log, 2, 1);
  put(ring, log, 3, 3);
  EXPECT_FALSE(ring.can_grow());
  ring.synced(*log, model::offset(3));
  put(ring, log, 4, 1);
  ASSERT_TRUE(ring.can_grow()) << "the only group that is needed begins behind the beginning";
  ring.grow(12);
  EXPECT_EQ(put(ring, log, 5, 8).block, 3U);
}

/// Groups on a disk of blocks, by what they are needed for.
class ring_model {
 public:
  struct group {
    std::uint64_t sequence;
    std::uint64_t first_block;
    std::uint64_t blocks;
    std::uint64_t oldest;
    std::map<int, std::int64_t> ends;
  };
  explicit ring_model(std::uint64_t blocks) : blocks_(blocks) {}
  void grow(std::uint64_t blocks) { blocks_ = blocks; }

  void write(const group& fresh) {
    for (std::uint64_t i = 0; i < fresh.blocks; ++i) {
      const auto block = (fresh.first_block + i) % blocks_;
      // What the newest group on disk calls needed must survive this group's being torn.
      if (newest_ && at_.contains(block)) {
        ASSERT_LT(at_[block], newest_->oldest) << "group " << fresh.sequence << " overwrites " << at_[block];
      }
      at_[block] = fresh.sequence;
    }
    groups_[fresh.sequence] = fresh;
    newest_ = fresh;
  }
  /// Whatever a log has not synced is in the groups that a crash would find, and these are where it looks for them.
  void check(const std::map<int, std::int64_t>& synced) const {
    for (const auto& [sequence, each] : groups_) {
      for (std::uint64_t i = 0; i < each.blocks && sequence >= newest_->oldest; ++i) {
        ASSERT_EQ(at_.at((each.first_block + i) % blocks_), sequence) << "block " << i << " of the group";
      }
      for (const auto& [log, end] : each.ends) {
        if (synced.at(log) < end) {
          ASSERT_GE(sequence, newest_->oldest) << "of log " << log << ", up to " << end;
        }
      }
    }
  }

 private:
  std::uint64_t blocks_;
  std::map<std::uint64_t, std::uint64_t> at_;
  std::map<std::uint64_t, group> groups_;
  std::optional<group> newest_;
};

TEST(journal_ring_test, random_life_never_overwrites_what_is_needed) {
  constexpr int log_count = 6;
  constexpr std::uint64_t blocks = 40;
  constexpr std::uint64_t most_blocks = 100;
  int grown = 0;
  std::mt19937_64 random(random_seed());
  for (int life = 0; life < 50; ++life) {
    auto ring = make_ring(blocks, 4);
    ring_model model(blocks);
    std::map<int, journal_account_ptr> accounts;
    std::map<int, std::int64_t> ends;
    std::map<int, std::int64_t> synced;
    for (int log = 0; log < log_count; ++log) {
      accounts[log] = make_account(log);
      ends[log] = synced[log] = 0;
    }
    int placed = 0;
    for (int step = 0; step < 500; ++step) {
      if (random() % 3 == 0) {
        const int log = static_cast<int>(random() % log_count);
        synced[log] = ends[log];
        ring.synced(*accounts[log], model::offset(ends[log]));
      }
      if (ring.blocks() < most_blocks && ring.can_grow() && random() % 20 == 0) {
        const std::uint64_t more = ring.blocks() + 1 + random() % 20;
        ring.grow(more);
        model.grow(more);
        ++grown;
      }
      ring_model::group fresh{};
      fresh.blocks = 1 + random() % 6;
      const bool is_mark = !ring.has_room(fresh.blocks, reserve::for_truncation_and_mark);
      if (is_mark && !ring.mark_would_free()) {
        if (ring.round_is_due()) static_cast<void>(ring.begin_round());
        continue;
      }
      if (is_mark) {
        ASSERT_TRUE(ring.has_room(1, reserve::none));
        fresh.blocks = 1;
      }
      for (std::uint64_t entries = is_mark ? 0 : 1 + random() % 3; entries > 0; --entries) {
        const int log = static_cast<int>(random() % log_count);
        fresh.ends[log] = ends[log] += 1 + static_cast<std::int64_t>(random() % 5);
        ring.add_log(accounts[log], model::offset(ends[log]));
      }
      const auto at = ring.place_group(fresh.blocks);
      fresh.sequence = at.sequence;
      fresh.first_block = at.block;
      if (ring.round_is_due()) static_cast<void>(ring.begin_round());
      fresh.oldest = ring.oldest_needed();
      ASSERT_NO_FATAL_FAILURE(model.write(fresh));
      ring.group_is_durable(at.sequence, fresh.oldest);
      ASSERT_NO_FATAL_FAILURE(model.check(synced));
      if (!is_mark) ++placed;
    }
    EXPECT_GT(placed, 50) << "the ring must come free again and again";
  }
  EXPECT_GT(grown, 50);
}

}  // namespace
}  // namespace tidelog::test
