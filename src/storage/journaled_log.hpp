#pragma once
// A log as the commit journal sees it.

#include "log_mark.hpp"

#include <memory>
#include <optional>

namespace tidelog::storage {

struct journal_account;
using journal_account_ptr = std::shared_ptr<journal_account>;

/// What becomes true of a log with the sync of a group.
struct journal_promise {
  /// The batches from here to the end have been offered without a gap, and taken.
  model::offset run_start{};
  log_mark end;
  /// Counts the log's truncations.
  std::uint64_t generation = 0;
};

/// A log as the journal sees it.
class journaled_log {
 public:
  journaled_log() = default;
  journaled_log(const journaled_log&) = delete;
  journaled_log& operator=(const journaled_log&) = delete;

  /// What was offered up to there is on disk. Called on a thread of the journal, outside its lock, one call at a time.
  virtual void journal_has(const journal_promise& upto) = 0;
  /// The segments are to be synced soon; below `on_disk`, where it is given, they are, by a sync of the whole file system,
  /// and that is enough. Called under the journal's lock: only hands on.
  virtual void sync_for_journal(std::optional<model::offset> on_disk) = 0;

 protected:
  ~journaled_log() = default;
};

}  // namespace tidelog::storage
