#include "tidelog/storage/log_directory.hpp"

#include "commit_journal.hpp"
#include "log_directory_core.hpp"
#include "log_directory_marker.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/base/share_out.hpp"
#include "tidelog/storage/partition_metadata.hpp"

#include <algorithm>

namespace tidelog::storage {

base::result<std::vector<found_partition>> log_directory::core::list() const {
  TIDELOG_TRY(const auto entries, files().list(path));
  std::vector<found_partition> found;
  for (const auto& entry : entries) {
    if (entry.kind != io::entry_kind::directory) continue;
    auto parsed = parse_directory_name(entry.name);
    if (!parsed) continue;
    found_partition partition{entry.name, std::move(parsed->partition), parsed->state, std::nullopt};
    const auto id = read_partition_metadata(files(), path / entry.name);
    if (id) {
      partition.topic_id = *id;
    } else if (id.error().code != std::errc::no_such_file_or_directory) {
      base::say_warning("{}", id.error().describe());
    }
    found.push_back(std::move(partition));
  }
  return found;
}

std::size_t log_directory::core::remove_deleted(base::unix_ms now_ms, std::size_t most) {
  std::vector<directory_to_remove> due;
  {
    const std::lock_guard guard(mutex);
    auto first_due = std::partition(to_remove.begin(), to_remove.end(),
                                    [now_ms](const auto& waiting) { return waiting.due_ms > now_ms; });
    const auto count = static_cast<std::size_t>(to_remove.end() - first_due);
    first_due = to_remove.end() - static_cast<std::ptrdiff_t>(std::min(count, most));
    due.assign(std::make_move_iterator(first_due), std::make_move_iterator(to_remove.end()));
    to_remove.erase(first_due, to_remove.end());
  }
  const auto is_gone = [this](const directory_to_remove& directory) {
    const auto removed = files().remove_tree(directory.path);
    if (!removed) base::say_warning("{}; tried again later", removed.error().describe());
    return removed.has_value();
  };
  std::erase_if(due, is_gone);
  const std::lock_guard guard(mutex);
  to_remove.insert(to_remove.end(), due.begin(), due.end());
  return to_remove.size();
}

bool log_directory::core::prepare_closing(base::worker_pool& pool, const std::vector<named_log>& logs) {
  if (logs.size() < logs_worth_a_whole_sync || !whole->is_usable()) return false;
  std::atomic<std::size_t> prepared{0};
  const auto prepare_one = [&](std::size_t i) {
    // What has failed is tried by close() again, which tells of it.
    const auto how = logs[i].opened->prepare_clean_close();
    if (how && *how == log::prepared_close::by_whole_sync) ++prepared;
  };
  base::share_out(pool, logs.size(), prepare_one, [](std::size_t) {});
  return prepared.load() >= logs_worth_a_whole_sync && whole->run();
}

base::status log_directory::core::close_logs(base::worker_pool& pool) {
  std::vector<named_log> logs;
  {
    const std::lock_guard guard(mutex);
    for (auto& [partition, each] : open) logs.push_back({partition, std::move(each)});
    open.clear();
  }
  std::vector<base::status> outcomes(logs.size());
  std::vector<checkpointed_offsets> offsets(logs.size());
  const auto close_one = [&](std::size_t i) {
    auto& closing = *logs[i].opened;
    offsets[i] = offsets_of(closing);
    const auto end = closing.log_end_offset();
    outcomes[i] = closing.close(close_kind::clean);
    if (outcomes[i]) offsets[i].recovery_point = offsets[i].high_watermark = end;
  };
  const bool at_once = prepare_closing(pool, logs);
  base::share_out(pool, logs.size(), close_one, [](std::size_t) {});
  if (at_once && !whole->run()) {
    for (std::size_t i = 0; i < logs.size(); ++i) {
      if (outcomes[i]) outcomes[i] = files().sync_directory(path_of(logs[i].partition));
    }
  }

  base::status first_failure;
  const std::lock_guard guard(mutex);
  for (std::size_t i = 0; i < logs.size(); ++i) {
    not_open[logs[i].partition] = offsets[i];
    if (outcomes[i]) continue;
    base::say_error("{} is not closed cleanly: {}", logs[i].partition.text(), outcomes[i].error().describe());
    if (first_failure) first_failure = std::move(outcomes[i]);
  }
  return first_failure;
}

bool log_directory::core::every_log_is_complete() const {
  const std::lock_guard guard(mutex);
  // A log that was not opened is as complete as it was before.
  return not_to_be_trusted.empty() && (start == start_kind::clean || not_open.empty());
}

base::status log_directory::core::close(base::worker_pool& pool, std::int64_t broker_epoch) {
  bool others_are_complete = every_log_is_complete();
  auto closed = close_logs(pool);
  if (journal->close() == commit_journal::close_outcome::batches_needed) others_are_complete = false;
  auto written = write_checkpoints();
  if (closed && written && !others_are_complete) {
    base::say_warning("{}: not every log was open in the end, so the next start checks all of them",
                      path.native());
    return {};
  }
  TIDELOG_DO(std::move(closed));
  TIDELOG_DO(std::move(written));
  return write_clean_stop_marker(files(), path, {broker_epoch});
}

log_directory::log_directory(std::unique_ptr<core> parts) : core_(std::move(parts)) {}
log_directory::~log_directory() = default;

base::result<std::unique_ptr<log_directory>> log_directory::open(const log_environment& environment,
                                                                 io::path directory,
                                                                 const log_directory_options& options) {
  TIDELOG_TRY(auto taken, take_directory(environment.files, directory, options));
  auto parts = std::make_unique<core>(environment, std::move(directory), std::move(taken), options);
  TIDELOG_DO(parts->survey());
  return std::unique_ptr<log_directory>(new log_directory(std::move(parts)));
}

const io::path& log_directory::path() const {
  return core_->path;
}
const meta_properties& log_directory::properties() const {
  return core_->taken.properties;
}
start_kind log_directory::start() const {
  return core_->start;
}
std::int64_t log_directory::previous_broker_epoch() const {
  return core_->previous_broker_epoch;
}
base::result<std::vector<found_partition>> log_directory::list() const {
  return core_->list();
}

base::result<std::shared_ptr<log>> log_directory::open_log(const log_request& request, when_missing missing) {
  return core_->open_log(request, missing);
}

base::status log_directory::let_go(const model::topic_partition& partition) {
  return core_->let_go(partition);
}

std::shared_ptr<log> log_directory::find(const model::topic_partition& partition) const {
  const std::lock_guard guard(core_->mutex);
  const auto found = core_->open.find(partition);
  return found == core_->open.end() ? nullptr : found->second;
}

std::int64_t log_directory::records_to_recover(const model::topic_partition& partition) const {
  const std::lock_guard guard(core_->mutex);
  const auto found = core_->not_open.find(partition);
  if (found == core_->not_open.end()) return 0;
  return found->second.high_watermark - found->second.recovery_point;
}

std::set<model::topic_partition> log_directory::partitions() const {
  const std::lock_guard guard(core_->mutex);
  std::set<model::topic_partition> all(core_->opening);
  for (const auto& [partition, each] : core_->open) all.insert(partition);
  for (const auto& [partition, offsets] : core_->not_open) all.insert(partition);
  return all;
}

std::vector<named_log> log_directory::logs() const {
  std::vector<named_log> all;
  const std::lock_guard guard(core_->mutex);
  all.reserve(core_->open.size());
  for (const auto& [partition, each] : core_->open) all.push_back({partition, each});
  return all;
}

recovery_totals log_directory::recovery() const {
  recovery_totals totals;
  for (const auto& each : logs()) {
    const auto report = each.opened->recovery();
    if (report.events_counted > 0) ++totals.logs_with_findings;
    totals.files_set_aside += report.files_set_aside;
    totals.bytes_set_aside += report.bytes_set_aside;
    totals.damaged_ranges += report.damaged_ranges;
    totals.indexes_rebuilt += report.indexes_rebuilt;
  }
  return totals;
}

base::status log_directory::delete_log(const model::topic_partition& partition, base::unix_ms due_ms) {
  return core_->set_aside(partition, directory_state::being_deleted, due_ms);
}

base::status log_directory::set_aside_stray(const model::topic_partition& partition) {
  return core_->set_aside(partition, directory_state::stray, 0);
}

base::status log_directory::sync_names() {
  return core_->files().sync_directory(core_->path);
}

std::size_t log_directory::remove_deleted(base::unix_ms now_ms, std::size_t most) {
  return core_->remove_deleted(now_ms, most);
}

base::status log_directory::write_checkpoints() {
  return core_->write_checkpoints();
}

void log_directory::sync_together(std::size_t logs) {
  // Without a journal the logs believe no such sync.
  const bool is_worth_it =
      logs >= core_->logs_worth_a_whole_sync && core_->whole->is_usable() && core_->journal->is_on();
  // A failure is told there; the logs then sync their own files.
  if (is_worth_it) static_cast<void>(core_->whole->run());
}

base::status log_directory::close(base::worker_pool& pool, std::int64_t broker_epoch) {
  return core_->close(pool, broker_epoch);
}

}  // namespace tidelog::storage
