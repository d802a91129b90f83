#include "journal_backlog.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

namespace tidelog::storage {

journal_backlog::journal_backlog(io::file_system& files, io::path data_directory,
                                 const base::uuid& directory_id, file_fate fate)
    : files_(files), directory_(std::move(data_directory)), directory_id_(directory_id), fate_(fate) {}

base::status journal_backlog::load() {
  TIDELOG_TRY(const bool is_there, files_.exists(name()));
  if (!is_there) return {};
  TIDELOG_TRY(file_, files_.open(name(), io::open_mode::read));
  auto found = read_journal(*file_);
  if (!found) {
    const auto& code = found.error().code;
    if (code != errc::corrupt_journal && code != std::errc::io_error) return base::forward_error(found);
    base::say_error("{}; it is set aside: what was acknowledged by it and not yet in the logs is lost",
                    found.error().describe());
    return set_aside();
  }
  if (found->header.directory_id != directory_id_) {
    base::say_warning("{} belongs to the directory with id {}, this one has {}; it is set aside",
                      name().native(), found->header.directory_id.text(), directory_id_.text());
    return set_aside();
  }
  loaded_ = true;
  header_ = found->header;
  batches_ = std::move(found->batches);
  damaged_ = found->groups_missing > 0 || found->unreadable_blocks > 0;
  if (damaged_) {
    base::say_error(
        "{} is damaged: {} of its groups are lost and {} of its blocks cannot be read, {} groups are "
        "given back to the logs",
        name().native(), found->groups_missing, found->unreadable_blocks, found->groups);
  }
  empty_.store(batches_.empty());
  finish_if_empty();
  return {};
}

base::status journal_backlog::pass_over() {
  if (fate_ == file_fate::serves_again) return {};
  auto removed = files_.remove_file(name());
  if (!removed && removed.error().code == std::errc::no_such_file_or_directory) return {};
  return removed;
}

base::status journal_backlog::set_aside() {
  file_.reset();
  for (int number = 1;; ++number) {
    const io::path to = fmt::format("{}.aside-{}", name().native(), number);
    TIDELOG_TRY(const bool is_taken, files_.exists(to));
    if (is_taken) continue;
    TIDELOG_DO(files_.rename(name(), to));
    return files_.sync_directory(directory_);
  }
}

void journal_backlog::keep_only(const std::function<bool(const journal_log_id&)>& is_wanted) {
  const std::lock_guard guard(mutex_);
  std::erase_if(batches_, [&](const auto& each) { return !is_wanted(each.first); });
  finish_if_empty();
}

std::vector<journal_log_id> journal_backlog::ids() const {
  std::vector<journal_log_id> all;
  const std::lock_guard guard(mutex_);
  all.reserve(batches_.size());
  for (const auto& each : batches_) all.push_back(each.first);
  return all;
}

journal_leftovers journal_backlog::leftovers_of(const journal_log_id& id) const {
  const std::lock_guard guard(mutex_);
  const auto found = batches_.find(id);
  return found == batches_.end()
             ? journal_leftovers{}
             : journal_leftovers{.file = file_, .header = header_, .batches = found->second};
}

void journal_backlog::done_with(const journal_log_id& id) {
  const std::lock_guard guard(mutex_);
  if (batches_.erase(id) > 0) finish_if_empty();
}

void journal_backlog::finish_if_empty() {
  if (!batches_.empty()) return;
  base::status outcome;
  if (damaged_) {
    outcome = set_aside();
  } else if (fate_ == file_fate::is_removed) {
    outcome = pass_over();
  }
  damaged_ = false;
  file_.reset();
  if (!outcome) base::say_warning("{}", outcome.error().describe());
  empty_.store(true, std::memory_order_release);
}

}  // namespace tidelog::storage
