#pragma once
// What a crash has left in the journal, until the logs have it back.

#include "tidelog/storage/journal_file.hpp"

#include <atomic>
#include <functional>
#include <mutex>

namespace tidelog::storage {

/// One log's batches in a journal's file, in the order of writing.
struct journal_leftovers {
  enum class origin { earlier_run, this_run };
  origin from = origin::earlier_run;
  std::shared_ptr<const io::file> file;
  journal_header header;
  std::vector<journal_batch> batches;

  /// Fails with corrupt_journal or an errno.
  [[nodiscard]] base::result<std::vector<std::byte>> read(const journal_batch& batch) const {
    return read_journal_batch(*file, header, batch);
  }
};

/// Thread safe, but for load(), which comes first.
class journal_backlog {
 public:
  /// What becomes of the file when all is given back.
  enum class file_fate { serves_again, is_removed };
  journal_backlog(io::file_system& files, io::path data_directory, const base::uuid& directory_id,
                  file_fate fate);

  /// After a stop that was not clean. Fails with unknown_format_version, because what that journal holds may have been
  /// acknowledged, or with an errno. A journal of another directory, or one that is damaged, is set aside with a message:
  /// at once, or when what could be read of it has been given back.
  [[nodiscard]] base::status load();
  /// After a clean stop nothing in the journal is needed.
  [[nodiscard]] base::status pass_over();

  [[nodiscard]] bool is_empty() const { return empty_.load(std::memory_order_acquire); }
  /// A run of before may still be in the file.
  [[nodiscard]] bool was_loaded() const { return loaded_; }
  /// Other logs' batches are of no use to anybody.
  void keep_only(const std::function<bool(const journal_log_id&)>& is_wanted);
  [[nodiscard]] std::vector<journal_log_id> ids() const;
  [[nodiscard]] journal_leftovers leftovers_of(const journal_log_id& id) const;
  /// The log has on disk what the journal had for it, or nobody wants it.
  void done_with(const journal_log_id& id);

 private:
  [[nodiscard]] io::path name() const { return directory_ / journal_file_name; }
  [[nodiscard]] base::status set_aside();
  void finish_if_empty();

  io::file_system& files_;
  const io::path directory_;
  const base::uuid directory_id_;
  const file_fate fate_;
  bool loaded_ = false;
  bool damaged_ = false;
  std::shared_ptr<io::file> file_;
  journal_header header_;
  std::atomic<bool> empty_{true};
  mutable std::mutex mutex_;
  std::map<journal_log_id, std::vector<journal_batch>> batches_;
};

}  // namespace tidelog::storage
