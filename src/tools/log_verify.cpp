#include "log_verify.hpp"

#include "cli_context.hpp"
#include "journal_check.hpp"
#include "metadata_view.hpp"
#include "partition_check.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/base/worker_pool.hpp"
#include "tidelog/storage/log_directory_names.hpp"
#include "tidelog/storage/meta_properties.hpp"
#include "tidelog/storage/storage_error.hpp"
#include "tidelog/tools/quantity.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace tidelog::tools {
namespace {

constexpr const char* metadata_directory = "__cluster_metadata-0";
constexpr const char* clean_marker = ".kafka_cleanshutdown";
constexpr std::uint64_t most_text_bytes = std::uint64_t{1} << 26;

bool is_always_compacted(std::string_view directory) {
  const auto content = content_of(directory);
  return content != log_content::records && content != log_content::metadata;
}

/// One checkpoint of offsets, as read and as it ought to be.
struct checkpoint {
  const char* name;
  storage::partition_offsets offsets{};
  storage::partition_offsets wanted{};
};

class directory_checker {
 public:
  directory_checker(io::file_system& files, const verify_target& target, const verify_options& options)
      : files_(files), target_(target), options_(options) {}
  base::result<verify_summary> run();

 private:
  using record_listener = std::function<void(model::offset, const nlohmann::json&)>;

  base::status read_top();
  base::status read_properties();
  base::status read_checkpoints();
  base::status read_metadata();
  base::status read_metadata_if_readable();
  base::status read_metadata_snapshots();
  base::result<segment_report> check_snapshot(const io::path& file, const record_listener& listener);
  base::status check_quorum_state();
  base::result<std::optional<model::offset>> read_metadata_recovery_point();
  base::status open_partitions();
  base::status run_tasks();
  base::status check_commit_journal();
  void check_checkpoints();
  void check_end(checkpoint& of, severity level, std::string_view kind, std::string_view what);
  partition_context context_for(const std::string& directory) const;
  void count(const segment_report& report);
  void show_progress(std::uint64_t total);
  void add(severity level, std::string_view kind, const io::path& file, std::string what,
           std::vector<repair_step> steps = {}) {
    summary_.findings.push_back({level, kind, file, std::move(what), {}, {}, {}, std::move(steps)});
  }

  io::file_system& files_;
  const verify_target& target_;
  const verify_options& options_;
  verify_summary summary_;
  std::vector<std::string> directories_;
  bool stopped_cleanly_ = false;
  std::optional<base::uuid> directory_id_;
  checkpoint recovery_points_{storage::recovery_point_checkpoint};
  checkpoint log_starts_{storage::log_start_checkpoint};
  checkpoint high_watermarks_{storage::high_watermark_checkpoint};
  checkpoint cleaned_ends_{storage::cleaner_checkpoint};
  metadata_view metadata_;
  /// Not all of it could be read: it may have said more of any topic.
  bool metadata_in_doubt_ = false;
  std::vector<std::unique_ptr<partition_check>> partitions_;
  std::atomic<std::uint64_t> done_bytes_{0};
  progress_line progress_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

base::status directory_checker::read_top() {
  TIDELOG_TRY(auto entries, files_.list(target_.root));
  std::sort(entries.begin(), entries.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  for (const auto& entry : entries) {
    const auto parsed = storage::parse_directory_name(entry.name);
    if (entry.kind == io::entry_kind::directory && parsed) {
      if (parsed->state == storage::directory_state::in_use) {
        directories_.push_back(entry.name);
      } else {
        add(severity::note, "directory_out_of_use", entry.name, "is not in use, and not looked into");
      }
    } else if (entry.name == clean_marker) {
      stopped_cleanly_ = true;
    } else if (entry.name.ends_with(".tmp")) {
      add(severity::note, "leftover", entry.name, "left by work that was under way");
    }
  }
  return {};
}

base::status directory_checker::read_properties() {
  const auto read = storage::read_meta_properties(files_, target_.root);
  if (read) {
    directory_id_ = read->directory_id.value_or(base::uuid{});
    return {};
  }
  if (read.error().code == std::errc::no_such_file_or_directory) {
    add(severity::damaged, "no_meta_properties", storage::meta_properties_name,
        "is missing: nobody knows whose data this is");
    return {};
  }
  if (is_errno(read.error()) && !is_unreadable(read.error())) return tl::unexpected(read.error());
  add(severity::damaged, "bad_meta_properties", storage::meta_properties_name, read.error().describe());
  return {};
}

base::status directory_checker::read_checkpoints() {
  for (auto* const each : {&recovery_points_, &log_starts_, &high_watermarks_, &cleaned_ends_}) {
    auto read = storage::read_offset_checkpoint(files_, target_.root / each->name);
    if (read) {
      each->offsets = *read;
      each->wanted = std::move(*read);
    } else if (is_errno(read.error()) && !is_unreadable(read.error())) {
      return base::forward_error(read);
    } else {
      add(severity::repairable, "bad_checkpoint", each->name, read.error().describe(),
          {{repair_step::action::set_aside, each->name}});
    }
  }
  return {};
}

base::result<segment_report> directory_checker::check_snapshot(const io::path& file,
                                                               const record_listener& listener) {
  segment_task task;
  task.root = target_.root;
  task.file = file;
  task.content = log_content::metadata;
  task.stopped_cleanly = true;
  // Records of a snapshot have offsets of their own.
  task.gaps = offset_gaps::as_of_compaction;
  task.on_record = listener;
  std::atomic<std::uint64_t> uncounted{0};
  TIDELOG_TRY(auto report, check_segment(files_, task, uncounted));
  // A part of a snapshot is none: it is of use as a whole or not at all.
  for (auto& found : report.findings) {
    found.steps.clear();
    if (found.level != severity::note) found.level = severity::damaged;
  }
  return report;
}

base::status directory_checker::read_metadata_snapshots() {
  TIDELOG_TRY(const auto entries, files_.list(target_.root / metadata_directory));
  std::vector<std::string> names;
  for (const auto& entry : entries)
    if (entry.name.ends_with(".checkpoint") && entry.name != storage::leader_epoch_cache::file_name)
      names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  std::optional<metadata_view> newest;
  std::vector<finding> bad;
  for (const auto& name : names) {
    metadata_view view;
    view.set_known();
    const auto file = io::path(metadata_directory) / name;
    TIDELOG_TRY(auto report, check_snapshot(file, [&](model::offset, const nlohmann::json& record) {
                  view.apply(record);
                }));
    const bool sound = std::none_of(report.findings.begin(), report.findings.end(),
                                    [](const finding& each) { return each.level != severity::note; });
    if (sound) newest = std::move(view);
    for (auto& found : report.findings) bad.push_back(std::move(found));
    if (!sound) bad.back().steps.push_back({repair_step::action::set_aside, file});
  }
  // Another one stands in for a damaged one, or the log itself where it still has its beginning.
  TIDELOG_TRY(const bool from_zero,
              files_.exists(target_.root / metadata_directory / "00000000000000000000.log"));
  for (auto& found : bad) {
    if (found.level == severity::damaged && (newest || from_zero)) found.level = severity::repairable;
    if (found.level == severity::damaged) found.steps.clear();
    summary_.findings.push_back(std::move(found));
  }
  if (newest) metadata_ = std::move(*newest);
  return {};
}

base::status directory_checker::check_quorum_state() {
  const auto file = io::path(metadata_directory) / "quorum-state";
  TIDELOG_TRY(const bool there, files_.exists(target_.root / file));
  if (!there) return {};
  const auto content = io::read_file(files_, target_.root / file, most_text_bytes);
  if (!content && !is_unreadable(content.error())) return tl::unexpected(content.error());
  const auto text = content ? base::as_text(*content) : std::string_view();
  const auto state = nlohmann::json::parse(text, nullptr, false);
  if (state.is_object() && state.contains("leaderEpoch") && state["leaderEpoch"].is_number_integer())
    return {};
  add(severity::repairable, "bad_quorum_state", file,
      content ? "is not the JSON that says the epoch of the metadata log" : content.error().describe(),
      {{repair_step::action::set_aside, file}});
  return {};
}

/// The metadata log's is in its own directory, and only where Tidelog wrote it.
base::result<std::optional<model::offset>> directory_checker::read_metadata_recovery_point() {
  const auto file = io::path(metadata_directory) / "recovery-point";
  const auto read = storage::read_offset_checkpoint(files_, target_.root / file);
  if (!read && is_errno(read.error()) && !is_unreadable(read.error())) return tl::unexpected(read.error());
  if (read) return read->empty() ? std::nullopt : std::optional(read->begin()->second);
  add(severity::repairable, "bad_checkpoint", file, read.error().describe(),
      {{repair_step::action::set_aside, file}});
  return std::nullopt;
}

/// Its records say what the other logs are to be; so it is checked first, in order.
base::status directory_checker::read_metadata() {
  if (std::find(directories_.begin(), directories_.end(), metadata_directory) == directories_.end())
    return {};
  TIDELOG_DO(check_quorum_state());
  TIDELOG_DO(read_metadata_snapshots());
  auto context = context_for(metadata_directory);
  TIDELOG_TRY(context.recovery_point, read_metadata_recovery_point());
  TIDELOG_TRY(auto log, partition_check::open(files_, std::move(context)));
  // Records that a snapshot has too come to the same end twice.
  log->set_record_listener([this](model::offset, const nlohmann::json& record) { metadata_.apply(record); });
  std::vector<segment_report> reports;
  for (const auto& task : log->tasks()) {
    TIDELOG_TRY(auto report, check_segment(files_, task, done_bytes_));
    count(report);
    reports.push_back(std::move(report));
  }
  summary_.bytes += log->bytes();
  ++summary_.partitions;
  if (!log->tasks().empty()) metadata_.set_known();
  log->finish(std::move(reports));
  metadata_in_doubt_ = std::any_of(log->findings().begin(), log->findings().end(),
                                   [](const finding& each) { return each.level == severity::damaged; });
  std::move(log->findings().begin(), log->findings().end(), std::back_inserter(summary_.findings));
  std::erase(directories_, metadata_directory);
  done_bytes_ = 0;
  return {};
}

base::status directory_checker::read_metadata_if_readable() {
  auto read = read_metadata();
  if (read || !is_unreadable(read.error())) return read;
  // The other logs are checked by what they say themselves.
  summary_.findings.push_back(unreadable_file(severity::damaged, metadata_directory, read.error()));
  std::erase(directories_, metadata_directory);
  metadata_in_doubt_ = true;
  return {};
}

partition_context directory_checker::context_for(const std::string& directory) const {
  partition_context context;
  context.root = target_.root;
  context.directory = directory;
  context.stopped_cleanly = stopped_cleanly_;
  context.metadata_known = metadata_.is_known() && !metadata_in_doubt_;
  const auto parsed = storage::parse_directory_name(directory);
  if (!parsed) return context;
  const auto& partition = parsed->partition;
  const bool compacted = is_always_compacted(directory) || metadata_.is_compacted(partition.topic) ||
                         cleaned_ends_.offsets.contains(partition) || metadata_in_doubt_;
  if (compacted) context.gaps = offset_gaps::as_of_compaction;
  context.topic_id = metadata_.id_of(partition.topic);
  if (const auto found = recovery_points_.offsets.find(partition); found != recovery_points_.offsets.end())
    context.recovery_point = found->second;
  return context;
}

base::status directory_checker::open_partitions() {
  for (const auto& directory : directories_) {
    if (!target_.only_partition.empty() && directory != target_.only_partition) continue;
    auto opened = partition_check::open(files_, context_for(directory));
    if (!opened && is_unreadable(opened.error())) {
      summary_.findings.push_back(unreadable_file(severity::damaged, directory, opened.error()));
      continue;
    }
    if (!opened) return base::forward_error(opened);
    partitions_.push_back(std::move(*opened));
  }
  summary_.partitions += partitions_.size();
  return {};
}

void directory_checker::count(const segment_report& report) {
  ++summary_.segments;
  summary_.batches += report.batches;
  summary_.records += report.records;
}

void directory_checker::show_progress(std::uint64_t total) {
  const auto done = done_bytes_.load();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun_;
  const auto rate = static_cast<double>(done) / std::max(passed.count(), 0.001);
  auto text = fmt::format("{} of {}  {}/s", size_for_people(static_cast<double>(done)),
                          size_for_people(static_cast<double>(total)), size_for_people(rate));
  if (rate > 0 && total > done)
    text += fmt::format("  {:.0f} s left", static_cast<double>(total - done) / rate);
  progress_.show(text);
}

base::status directory_checker::run_tasks() {
  struct outcome {
    std::vector<segment_report> reports;
  };
  std::vector<outcome> outcomes(partitions_.size());
  std::uint64_t total = 0;
  std::size_t left = 0;
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    outcomes[i].reports.resize(partitions_[i]->tasks().size());
    left += outcomes[i].reports.size();
    total += partitions_[i]->bytes();
  }
  summary_.bytes += total;
  std::mutex mutex;
  std::condition_variable changed;
  base::status failure;
  begun_ = std::chrono::steady_clock::now();
  base::worker_pool pool("verify", std::max<std::size_t>(options_.jobs, 1));
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    for (std::size_t j = 0; j < partitions_[i]->tasks().size(); ++j) {
      pool.submit([&, i, j] {
        auto report = check_segment(files_, partitions_[i]->tasks()[j], done_bytes_);
        const std::lock_guard guard(mutex);
        if (report) {
          outcomes[i].reports[j] = std::move(*report);
        } else if (failure) {
          failure = base::forward_error(report);
        }
        --left;
        changed.notify_one();
      });
    }
  }
  std::unique_lock lock(mutex);
  while (!changed.wait_for(lock, std::chrono::milliseconds(250), [&left] { return left == 0; })) {
    if (progress_.is_due()) show_progress(total);
  }
  lock.unlock();
  pool.stop();
  TIDELOG_DO(std::move(failure));
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    for (const auto& report : outcomes[i].reports) count(report);
    auto& partition = *partitions_[i];
    partition.finish(std::move(outcomes[i].reports));
    std::move(partition.findings().begin(), partition.findings().end(),
              std::back_inserter(summary_.findings));
  }
  return {};
}

/// After a clean stop it means nothing; after another one the logs have yet to get back what is in it.
base::status directory_checker::check_commit_journal() {
  if (stopped_cleanly_) return {};
  journal_task task{target_.root, directory_id_, {}, !target_.only_partition.empty()};
  for (const auto& partition : partitions_) {
    const auto parsed = storage::parse_directory_name(partition->context().directory);
    const auto id = partition->topic_id() ? base::parse_uuid(*partition->topic_id()) : std::nullopt;
    if (!id) continue;
    task.logs[{model::topic_id(*id), parsed->partition.partition}] = {
        partition->context().directory, partition->log_end(), partition->newest_epoch()};
  }
  auto checked = check_journal(files_, task);
  if (!checked && is_unreadable(checked.error())) {
    checked =
        journal_report{{unreadable_file(severity::damaged, storage::journal_file_name, checked.error())},
                       std::string(unreadable_journal)};
  }
  TIDELOG_TRY(auto report, std::move(checked));
  std::move(report.findings.begin(), report.findings.end(), std::back_inserter(summary_.findings));
  summary_.start_first = std::move(report.start_first);
  return {};
}

/// An offset that the log does not reach.
void directory_checker::check_end(checkpoint& of, severity level, std::string_view kind,
                                  std::string_view what) {
  const auto first_finding = summary_.findings.size();
  for (const auto& partition : partitions_) {
    const auto parsed = storage::parse_directory_name(partition->context().directory);
    const auto entry = of.offsets.find(parsed->partition);
    if (entry == of.offsets.end() || entry->second <= partition->log_end()) continue;
    if (!partition->is_readable()) continue;
    of.wanted[parsed->partition] = partition->log_end();
    add(level, kind, of.name, fmt::format("{}: {}", partition->context().directory, what));
    summary_.findings.back().first_offset = partition->log_end();
    summary_.findings.back().last_offset = entry->second + -1;
  }
  for (auto i = first_finding; i < summary_.findings.size(); ++i) {
    summary_.findings[i].steps.push_back(
        {repair_step::action::replace, of.name, {}, storage::format_offset_checkpoint(of.wanted)});
  }
}

void directory_checker::check_checkpoints() {
  check_end(recovery_points_, severity::damaged, "log_ends_early",
            "the log ends before the offset up to which it was known to be on disk");
  check_end(high_watermarks_, severity::repairable, "checkpoint_beyond_end",
            "the log ends before that offset");
  check_end(cleaned_ends_, severity::repairable, "checkpoint_beyond_end", "the log ends before that offset");
  check_end(log_starts_, severity::repairable, "checkpoint_beyond_end", "the log ends before that offset");
}

base::result<verify_summary> directory_checker::run() {
  watch_for_interrupt();
  TIDELOG_DO(read_top());
  TIDELOG_DO(read_properties());
  TIDELOG_DO(read_checkpoints());
  const io::path bootstrap = "bootstrap.checkpoint";
  TIDELOG_TRY(const bool has_bootstrap, files_.exists(target_.root / bootstrap));
  if (has_bootstrap) {
    TIDELOG_TRY(auto report, check_snapshot(bootstrap, {}));
    std::move(report.findings.begin(), report.findings.end(), std::back_inserter(summary_.findings));
  }
  TIDELOG_DO(read_metadata_if_readable());
  TIDELOG_DO(open_partitions());
  TIDELOG_DO(run_tasks());
  if (interrupted())
    return base::fail(std::make_error_code(std::errc::interrupted), "interrupted; not everything was read");
  check_checkpoints();
  TIDELOG_DO(check_commit_journal());
  if (!target_.only_partition.empty()) {
    std::erase_if(summary_.findings, [this](const finding& each) {
      return each.file.begin() == each.file.end() || *each.file.begin() != target_.only_partition;
    });
  }
  return std::move(summary_);
}

}  // namespace

std::size_t verify_summary::count(severity level) const {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [level](const finding& each) { return each.level == level; }));
}

severity verify_summary::worst() const {
  auto worst = severity::note;
  for (const auto& each : findings) worst = std::max(worst, each.level);
  return worst;
}

base::result<verify_target> find_target(io::file_system& files, const io::path& given) {
  TIDELOG_TRY(const auto entries, files.list(given));
  const auto has = [&entries](std::string_view name) {
    return std::any_of(entries.begin(), entries.end(),
                       [name](const auto& entry) { return entry.name == name; });
  };
  const bool has_partition = std::any_of(entries.begin(), entries.end(), [](const auto& entry) {
    return entry.kind == io::entry_kind::directory && storage::parse_directory_name(entry.name);
  });
  if (has(storage::meta_properties_name) || has_partition) return verify_target{given, {}};
  std::error_code ignored;
  auto whole = std::filesystem::absolute(given, ignored).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const bool has_segment = std::any_of(entries.begin(), entries.end(), [](const auto& entry) {
    const auto name = parse_segment_file_name(entry.name);
    return name && name->suffix == ".log";
  });
  if (has_segment && storage::parse_directory_name(whole.filename().string()))
    return verify_target{whole.parent_path(), whole.filename().string()};
  return base::fail(storage::errc::not_a_data_directory, "{}", given.string());
}

base::result<verify_summary> verify_directory(io::file_system& files, const verify_target& target,
                                              const verify_options& options) {
  return directory_checker(files, target, options).run();
}

}  // namespace tidelog::tools
