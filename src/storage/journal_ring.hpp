#pragma once
// The bookkeeping of the commit journal: where the next group goes, and which groups are still needed. Does no input or
// output and knows no threads; the journal calls it under its mutex.
//
// A group is needed until the segments of every log that has a batch in it are on disk up to there. To know that without
// a list per group, the ring is seen as two parts: an older one, which a round of syncs is about to set free, and a newer
// one, which grows. When the older part is free and enough has come together, the newer becomes the older, and its logs
// are the round. A group lies between the first group of the older part and the newest.
//
// The ring can be given more blocks behind its end while nothing that is needed goes on from its end to its beginning: all
// groups then stay where they are.

#include "journaled_log.hpp"

#include "tidelog/storage/journal_file.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace tidelog::storage {

/// One log's part in the journal. Its owner keeps it for as long as it is written to; the ring for as long as it needs it.
struct journal_account {
  explicit journal_account(const journal_log_id& whose) : id(whose) {}

  const journal_log_id id;
  // What follows is guarded by the journal's mutex.
  /// Nothing once the log has been closed.
  journaled_log* log = nullptr;
  /// The segments are on disk below.
  model::offset synced_end{0};
  /// Where the log's batches end that lie in the part; no_offset when no group of that part is needed for this log.
  model::offset older_end = model::no_offset;
  model::offset newer_end = model::no_offset;
  /// In the list of the newer part, with an end or without.
  bool listed_as_newer = false;
  /// The newest group with something of this log; 0 for none.
  std::uint64_t last_sequence = 0;
  /// The batches that were offered last and taken, without a gap, in which run.
  model::offset offered_start = model::no_offset;
  model::offset offered_end = model::no_offset;
  std::uint64_t offered_in_run = 0;
  /// The newest group that has batches of the log, by the journal's number (0 for none), and its place among the members of
  /// that.
  std::uint64_t member_of_filling = 0;
  std::size_t member_index = 0;
};

class journal_ring {
 public:
  struct limits {
    /// A round begins when so many logs are waiting for one; twice as many are never waiting.
    std::size_t logs_in_a_round = 0;
  };
  explicit journal_ring(const limits& bounds) : limits_(bounds) {}

  /// A new run on an empty ring of so many blocks.
  void begin_run(std::uint64_t blocks);
  [[nodiscard]] std::uint64_t blocks() const { return blocks_; }
  [[nodiscard]] bool can_grow() const { return used_blocks_ <= blocks_up_to_next(); }
  /// To so many blocks, which are more.
  void grow(std::uint64_t blocks);
  /// What is left to groups that hold no batches, so that a full ring can be told what it may free.
  enum class reserve : std::uint64_t { for_truncation_and_mark = 2, for_mark = 1, none = 0 };
  [[nodiscard]] bool has_room(std::uint64_t blocks, reserve left) const {
    return used_blocks_ + blocks + static_cast<std::uint64_t>(left) <= blocks_;
  }
  /// Whether a group without batches would free more than it takes.
  [[nodiscard]] bool mark_would_free() const;
  /// Whether one more log may get batches into the ring.
  [[nodiscard]] bool takes_another_log() const {
    return older_count_ + newer_count_ < 2 * limits_.logs_in_a_round;
  }
  [[nodiscard]] static bool is_in(const journal_account& account) {
    return account.older_end != model::no_offset || account.newer_end != model::no_offset;
  }

  struct place {
    std::uint64_t sequence;
    std::uint64_t block;
  };
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
  [[nodiscard]] place place_group(std::uint64_t blocks);
  /// The group that is placed next has batches of the log up to `end`.
  void add_log(const journal_account_ptr& account, model::offset end);
  /// What the group that was placed last says; to be called before anything is added for the next.
  [[nodiscard]] std::uint64_t oldest_needed() const;
  /// What the newest group on disk says: from there on a crash finds the groups again.
  [[nodiscard]] std::uint64_t recorded_oldest() const { return recorded_oldest_; }
  /// The group is on disk, and says that.
  void group_is_durable(std::uint64_t sequence, std::uint64_t oldest_needed);

  /// The log's segments are on disk below `end`. The caller keeps the account: the ring may let go of it.
  void synced(journal_account& account, model::offset end);
  /// What the log has in the ring means nothing any more; it goes on at `end`.
  void forget_batches(journal_account& account, model::offset end);
  /// Whether it is time for the next round.
  [[nodiscard]] bool round_is_due() const;
  /// A reason for a round, however few logs there are.
  [[nodiscard]] bool is_half_full() const { return used_blocks_ > blocks_ / 2; }
  /// The logs whose syncs set the older part free.
  [[nodiscard]] std::vector<journal_account_ptr> begin_round();
  /// Those that have something in the ring.
  [[nodiscard]] std::vector<journal_account_ptr> needed_accounts() const;

  [[nodiscard]] std::uint64_t used_blocks() const { return used_blocks_; }
  [[nodiscard]] bool is_needed() const { return older_count_ + newer_count_ > 0; }

 private:
  struct group {
    std::uint64_t sequence;
    std::uint64_t blocks;
  };

  /// Nobody in the list has anything in the part any more.
  void forget_newer();
  /// The next group's place, as what lies before it sees it.
  [[nodiscard]] std::uint64_t blocks_up_to_next() const {
    return next_block_ == 0 && used_blocks_ > 0 ? blocks_ : next_block_;
  }

  const limits limits_;
  std::uint64_t blocks_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t next_block_ = 0;
  std::uint64_t used_blocks_ = 0;
  /// Those whose blocks may not be written over: needed, or not yet recorded on disk as no longer needed.
  std::deque<group> groups_;
  std::uint64_t recorded_oldest_ = 1;

  /// Accounts whose end of that part has gone since stay in the lists until the next round, or until that is so of all, and
  /// are passed over.
  std::vector<journal_account_ptr> older_;
  std::vector<journal_account_ptr> newer_;
  std::size_t older_count_ = 0;
  std::size_t newer_count_ = 0;
  std::uint64_t older_first_ = 0;
  std::uint64_t newer_first_ = 0;
};

}  // namespace tidelog::storage
