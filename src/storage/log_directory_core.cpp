#include "log_directory_core.hpp"

#include "commit_journal.hpp"
#include "log_directory_marker.hpp"
#include "whole_sync.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/partition_metadata.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace tidelog::storage {
namespace {

/// The metadata log looks after itself: Kafka leaves it out of these files, and so does what reads them.
bool is_checkpointed(const model::topic_partition& partition) {
  return partition.topic != "__cluster_metadata";
}

/// A checkpoint that makes no sense is as good as none.
partition_offsets read_or_report(io::file_system& files, const io::path& name, const char* consequence) {
  auto offsets = read_offset_checkpoint(files, name);
  if (offsets) return std::move(*offsets);
  base::say_warning("{}; {}", offsets.error().describe(), consequence);
  return {};
}

/// Two ids that were drawn differ in some sixty bits.
bool is_damaged_copy(const model::topic_id& found, const model::topic_id& of) {
  constexpr int most_damaged_bits = 8;
  int different = 0;
  for (std::size_t at = 0; at < of.bytes.size(); ++at)
    different += std::popcount(std::to_integer<unsigned>(found.bytes[at] ^ of.bytes[at]));
  return different <= most_damaged_bits;
}

model::offset find_or_zero(const partition_offsets& offsets, const model::topic_partition& partition) {
  const auto found = offsets.find(partition);
  return found == offsets.end() ? model::offset(0) : found->second;
}

}  // namespace

log_directory::core::core(const log_environment& given, io::path where, taken_directory what,
                          const log_directory_options& options)
    : environment(given),
      path(std::move(where)),
      taken(std::move(what)),
      whole(std::make_shared<whole_sync>(given.files, path / meta_properties_name)),
      logs_worth_a_whole_sync(options.whole_sync_at_rest_from_logs),
      journal(std::make_shared<commit_journal>(
          given.files, path, taken.properties.directory_id.value_or(base::uuid{}),
          commit_journal::settings{.bytes = options.journal_bytes,
                                   .first_bytes = options.journal_first_bytes,
                                   .bytes_for_each_log = options.journal_bytes_for_each_log,
                                   .logs_in_a_round = options.journal_logs_in_a_round,
                                   .metrics = options.metrics,
                                   .worker = options.journal_worker,
                                   .whole = whole,
                                   .whole_sync_from_logs = options.whole_sync_from_logs,
                                   .background = &given.commits,
                                   .clock = &given.clock})) {}

checkpointed_offsets offsets_of(const log& open_log) {
  return {open_log.recovery_point(), open_log.log_start_offset(), open_log.high_watermark(),
          open_log.cleaned_end()};
}

base::status log_directory::core::survey() {
  const auto recovery_points = read_or_report(files(), path / recovery_point_checkpoint,
                                              "after a crash logs are checked from their beginning");
  const auto log_starts = read_or_report(files(), path / log_start_checkpoint,
                                         "logs begin at their first segment, as far back as it goes");
  const auto high_watermarks =
      read_or_report(files(), path / high_watermark_checkpoint, "high watermarks are taken from the logs");
  const auto cleaned_ends =
      read_or_report(files(), path / cleaner_checkpoint, "compacted logs are cleaned from their beginning");
  has_cleaner_checkpoint_ = !cleaned_ends.empty();

  TIDELOG_TRY(const auto entries, files().list(path));
  for (const auto& entry : entries) {
    if (entry.kind != io::entry_kind::directory) continue;
    const auto parsed = parse_directory_name(entry.name);
    if (!parsed) {
      if (entry.name != "lost+found")
        base::say_warning("{} is no partition; left alone", (path / entry.name).native());
      continue;
    }
    if (parsed->state == directory_state::being_deleted) to_remove.push_back({path / entry.name, 0});
    if (parsed->state != directory_state::in_use) continue;
    const auto& at = parsed->partition;
    // The metadata log is opened by its owner and counts neither as open nor as missing.
    if (!is_checkpointed(at)) continue;
    not_open[at] = {find_or_zero(recovery_points, at), find_or_zero(log_starts, at),
                    find_or_zero(high_watermarks, at), find_or_zero(cleaned_ends, at)};
  }
  for (const auto* offsets : {&recovery_points, &log_starts, &high_watermarks, &cleaned_ends}) {
    for (const auto& [partition, offset] : *offsets) {
      if (!not_open.contains(partition)) stale_in_checkpoints.insert(partition);
    }
  }

  if (const auto marker = read_clean_stop_marker(files(), path)) {
    start = start_kind::clean;
    previous_broker_epoch = marker->broker_epoch;
  } else {
    start = taken.came_from == taken_directory::origin::made ? start_kind::clean : start_kind::unclean;
  }
  return read_journal();
}

base::status log_directory::core::read_journal() {
  auto& backlog = journal->backlog();
  if (start == start_kind::clean) return backlog.pass_over();
  TIDELOG_DO(backlog.load());
  if (backlog.is_empty()) return {};
  TIDELOG_TRY(const auto partitions, list());
  for (const auto& each : partitions) {
    const bool is_in_use = each.state == directory_state::in_use && is_checkpointed(each.partition);
    if (is_in_use && !each.topic_id) ownerless.insert(each.partition);
  }
  drop_leftovers_of_nobody(partitions);
  return {};
}

void log_directory::core::look_for_leftovers_of_nobody() {
  if (journal->backlog().is_empty()) return;
  const auto found = list();
  if (!found) return base::say_warning("{}", found.error().describe());
  drop_leftovers_of_nobody(*found);
}

void log_directory::core::drop_leftovers_of_nobody(const std::vector<found_partition>& found) {
  {
    const std::lock_guard guard(mutex);
    if (!ownerless.empty()) return;
  }
  std::set<model::topic_id> known;
  for (const auto& each : found) {
    if (each.state != directory_state::in_use || !is_checkpointed(each.partition)) continue;
    if (!each.topic_id) return;
    known.insert(*each.topic_id);
  }
  journal->backlog().keep_only([&](const journal_log_id& id) { return known.contains(id.topic); });
}

void log_directory::core::note_owner(const model::topic_partition& partition) {
  {
    const std::lock_guard guard(mutex);
    if (ownerless.erase(partition) == 0 || !ownerless.empty()) return;
  }
  look_for_leftovers_of_nobody();
}

base::status log_directory::core::mark_in_use() {
  const std::lock_guard guard(marker_mutex_);
  if (in_use_) return {};
  TIDELOG_DO(remove_clean_stop_marker(files(), path));
  in_use_ = true;
  return {};
}

base::status log_directory::core::begin_opening(const model::topic_partition& partition) {
  const std::lock_guard guard(mutex);
  if (open.contains(partition) || !opening.insert(partition).second) {
    return base::fail(errc::partition_exists, "{} is open", partition.text());
  }
  return {};
}

base::result<std::shared_ptr<log>> log_directory::core::open_log(const log_request& request,
                                                                 when_missing missing) {
  if (!is_topic_name(request.partition.topic) || request.partition.partition.value() < 0) {
    return base::fail(errc::unknown_partition, "'{}' names no partition", request.partition.text());
  }
  TIDELOG_DO(mark_in_use());
  TIDELOG_DO(begin_opening(request.partition));
  auto opened = open_prepared(request, missing);
  if (opened) note_owner(request.partition);
  const std::lock_guard guard(mutex);
  opening.erase(request.partition);
  if (opened) {
    open.emplace(request.partition, *opened);
    not_open.erase(request.partition);
    not_to_be_trusted.erase(request.partition);
  }
  return opened;
}

base::result<std::shared_ptr<log>> log_directory::core::open_prepared(const log_request& request,
                                                                      when_missing missing) {
  TIDELOG_TRY(const bool is_there, find_directory(request));
  if (!is_there) {
    if (missing == when_missing::fail)
      return base::fail(errc::unknown_partition, "{}", path_of(request.partition).native());
    TIDELOG_DO(make_directory(request));
  }
  log_config_ptr config;
  log_open_options options;
  options.start = is_there ? start : start_kind::clean;
  {
    const std::lock_guard guard(mutex);
    if (*last_config != request.config) last_config = std::make_shared<const log_config>(request.config);
    config = last_config;
    const auto& known = not_open[request.partition];
    options.recovery_point = known.recovery_point;
    options.log_start_offset = known.log_start;
    options.cleaned_end = known.cleaned_end;
    if (not_to_be_trusted.contains(request.partition)) options.start = start_kind::unclean;
  }
  options.journal = journal_seat{journal, {request.topic_id, request.partition.partition}};
  // The journal keeps it, and logs that have a seat there keep the journal.
  if (journal->is_on() && whole->reaches(path_of(request.partition))) options.whole = whole.get();
  if (options.start == start_kind::unclean && whole->reaches(path_of(request.partition)))
    options.names_are_on_disk = has_synced_names_of_before();
  options.given_up = request.given_up;
  auto opened = log::open(environment, path_of(request.partition), std::move(config), options);
  base::status named;
  if (opened && !is_there) named = name_directory(request);
  if (opened && named) return std::shared_ptr<log>(std::move(*opened));
  const std::lock_guard guard(mutex);
  not_to_be_trusted.insert(request.partition);
  if (!opened) return base::forward_error(opened);
  return base::forward_error(named);
}

bool log_directory::core::has_synced_names_of_before() {
  std::call_once(names_of_before_, [this] {
    std::unique_lock guard(mutex);
    const bool are_many = not_open.size() >= logs_worth_a_whole_sync;
    guard.unlock();
    names_of_before_are_on_disk_.store(are_many && whole->is_usable() && whole->run());
  });
  return names_of_before_are_on_disk_.load();
}

base::status log_directory::core::make_directory(const log_request& request) {
  const auto is_stale = [&] {
    const std::lock_guard guard(mutex);
    return stale_in_checkpoints.contains(request.partition);
  };
  if (is_stale()) TIDELOG_DO(write_checkpoints());
  const auto directory = path_of(request.partition);
  return files().make_directories(directory);
}

/// After the log has made its first segment: the one sync of the directory makes both names durable, so that no power cut
/// leaves a later segment without the first.
base::status log_directory::core::name_directory(const log_request& request) {
  TIDELOG_DO(write_partition_metadata(files(), path_of(request.partition), request.topic_id));
  return files().sync_directory(path);
}

base::result<bool> log_directory::core::find_directory(const log_request& request) const {
  const auto directory = path_of(request.partition);
  auto found = read_partition_metadata(files(), directory);
  if (found) {
    if (*found == request.topic_id) return true;
    if (is_damaged_copy(*found, request.topic_id)) {
      base::say_warning(
          "{} has the id {}, which a few bits tell from the {} that the metadata has for it; it gets that",
          directory.native(), found->text(), request.topic_id.text());
      TIDELOG_DO(write_partition_metadata(files(), directory, request.topic_id));
      return true;
    }
    return base::fail(errc::topic_id_mismatch, "{} has {}, asked for is {}", directory.native(),
                      found->text(), request.topic_id.text());
  }
  const auto& code = found.error().code;
  if (code == errc::corrupt_partition_metadata || code == std::errc::file_too_large) {
    base::say_warning("{}; it gets the id that the metadata has for it", found.error().describe());
  } else if (code != std::errc::no_such_file_or_directory) {
    return base::forward_error(found);
  } else {
    TIDELOG_TRY(const bool is_there, files().exists(directory));
    if (!is_there) return false;
  }
  TIDELOG_DO(write_partition_metadata(files(), directory, request.topic_id));
  return true;
}

base::status log_directory::core::let_go(const model::topic_partition& partition) {
  std::shared_ptr<log> closing;
  {
    const std::lock_guard guard(mutex);
    const auto found = open.find(partition);
    if (found == open.end()) return base::fail(errc::unknown_partition, "{}", partition.text());
    closing = std::move(found->second);
    open.erase(found);
    not_open[partition] = offsets_of(*closing);
    not_to_be_trusted.insert(partition);
  }
  return closing->close(close_kind::discard);
}

base::status log_directory::core::set_aside(const model::topic_partition& partition, directory_state state,
                                            base::unix_ms due_ms) {
  std::shared_ptr<log> closing;
  {
    const std::lock_guard guard(mutex);
    if (opening.contains(partition)) {
      return base::fail(errc::partition_exists, "{} is being opened", partition.text());
    }
    if (const auto found = open.find(partition); found != open.end()) {
      if (state == directory_state::stray)
        return base::fail(errc::partition_exists, "{} is open", partition.text());
      closing = std::move(found->second);
      open.erase(found);
    }
    stale_in_checkpoints.insert(partition);
  }
  if (closing != nullptr) {
    if (const auto closed = closing->close(close_kind::discard); !closed) {
      base::say_warning("{}: {} while it is deleted", partition.text(), closed.error().describe());
    }
  }
  const bool is_forgotten = forget_in_journal(path_of(partition), partition.partition);
  const auto to = path / directory_name_out_of_use(partition, base::random_uuid(), state);
  auto renamed = files().rename(path_of(partition), to);
  {
    const std::lock_guard guard(mutex);
    if (!renamed) {
      if (renamed.error().code == std::errc::no_such_file_or_directory) {
        return base::fail(errc::unknown_partition, "{}", partition.text());
      }
      // The log has been let go of without a clean close, and its directory is still in use by name.
      not_open.try_emplace(partition);
      not_to_be_trusted.insert(partition);
      return renamed;
    }
    not_open.erase(partition);
    not_to_be_trusted.erase(partition);
    if (state == directory_state::being_deleted) to_remove.push_back({to, due_ms});
  }
  note_owner(partition);
  if (!is_forgotten) look_for_leftovers_of_nobody();
  return {};
}

bool log_directory::core::forget_in_journal(const io::path& directory, model::partition_index partition) {
  const auto id = read_partition_metadata(files(), directory);
  if (id) journal->given_back({*id, partition});
  return id.has_value();
}

base::status log_directory::core::write_if_changed(const char* name, const std::string& text) {
  const auto hash = std::hash<std::string>{}(text);
  const auto before = written_.find(name);
  if (before != written_.end() && before->second == hash) return {};
  // A replacement may fail after the file has its name: until one succeeds, nobody knows what is there.
  written_.erase(name);
  TIDELOG_DO(io::replace_file(files(), path / name, base::as_bytes(text)));
  written_[name] = hash;
  return {};
}

std::vector<checkpointed_partition> log_directory::core::to_be_checkpointed() const {
  // In one piece, which goes back to the system whole: this is done every few seconds, also when nobody uses the logs.
  std::vector<checkpointed_partition> all;
  all.reserve(open.size() + not_open.size());
  for (const auto& [partition, each] : open) {
    if (is_checkpointed(partition)) all.push_back({partition, offsets_of(*each)});
  }
  for (const auto& [partition, offsets] : not_open) {
    if (is_checkpointed(partition)) all.push_back({partition, offsets});
  }
  return all;
}

base::status log_directory::core::write_checkpoints() {
  const std::lock_guard writing(checkpoint_mutex_);
  std::set<model::topic_partition> dropped;
  std::vector<checkpointed_partition> all;
  {
    // Taken together, so that a log that is opened or set aside meanwhile is in one of them or in `dropped` of later.
    const std::lock_guard guard(mutex);
    dropped = stale_in_checkpoints;
    all = to_be_checkpointed();
  }
  std::ranges::sort(all, {}, &checkpointed_partition::partition);
  const auto write = [&](const char* name, model::offset checkpointed_offsets::*which, bool also_zero) {
    offset_checkpoint_text text;
    for (const auto& [partition, offsets] : all) {
      if (also_zero || offsets.*which > model::offset(0)) text.add(partition, offsets.*which);
    }
    return write_if_changed(name, std::move(text).take());
  };
  TIDELOG_DO(write(recovery_point_checkpoint, &checkpointed_offsets::recovery_point, true));
  TIDELOG_DO(write(log_start_checkpoint, &checkpointed_offsets::log_start, false));
  TIDELOG_DO(write(high_watermark_checkpoint, &checkpointed_offsets::high_watermark, true));
  has_cleaner_checkpoint_ =
      has_cleaner_checkpoint_ || std::ranges::any_of(all, [](const checkpointed_partition& each) {
        return each.offsets.cleaned_end > model::offset(0);
      });
  if (has_cleaner_checkpoint_)
    TIDELOG_DO(write(cleaner_checkpoint, &checkpointed_offsets::cleaned_end, false));
  const std::lock_guard guard(mutex);
  for (const auto& partition : dropped) {
    if (!std::ranges::binary_search(all, partition, {}, &checkpointed_partition::partition))
      stale_in_checkpoints.erase(partition);
  }
  return {};
}

}  // namespace tidelog::storage
