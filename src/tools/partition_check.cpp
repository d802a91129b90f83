#include "partition_check.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/storage/failed_sync_marker.hpp"
#include "tidelog/storage/partition_metadata.hpp"
#include "tidelog/storage/producer_snapshot.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <charconv>

namespace tidelog::tools {
namespace {

constexpr std::uint64_t most_small_file_bytes = std::uint64_t{1} << 28;

std::string text_of(const std::vector<storage::epoch_entry>& epochs) {
  auto text = fmt::format("0\n{}\n", epochs.size());
  for (const auto& each : epochs)
    text += fmt::format("{} {}\n", each.epoch.value(), each.start_offset.value());
  return text;
}

}  // namespace

std::optional<segment_file_name> parse_segment_file_name(std::string_view name) {
  constexpr std::size_t digits = 20;
  if (name.size() <= digits || name[digits] != '.') return std::nullopt;
  std::int64_t base = 0;
  const auto* const end = name.data() + digits;
  const auto [rest, failure] = std::from_chars(name.data(), end, base);
  if (failure != std::errc{} || rest != end || base < 0) return std::nullopt;
  return segment_file_name{model::offset(base), name.substr(digits)};
}

base::result<std::unique_ptr<partition_check>> partition_check::open(io::file_system& files,
                                                                     partition_context context) {
  std::unique_ptr<partition_check> made(new partition_check(files, std::move(context)));
  TIDELOG_DO(made->read_listing());
  TIDELOG_DO(made->believe_failed_sync_marker());
  TIDELOG_DO(made->load_epochs());
  TIDELOG_DO(made->check_topic_id());
  auto& tasks = made->tasks_;
  std::sort(tasks.begin(), tasks.end(),
            [](const segment_task& left, const segment_task& right) { return left.base < right.base; });
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].recovery_point = made->context_.recovery_point;
    tasks[i].stopped_cleanly = made->context_.stopped_cleanly;
    if (i + 1 < tasks.size()) tasks[i].next_base = tasks[i + 1].base;
    if (made->epoch_file_ == epoch_file::read) tasks[i].epochs = &made->epochs_;
  }
  return made;
}

void partition_check::add(severity level, std::string_view kind, const io::path& file, std::string what,
                          std::vector<repair_step> steps) {
  findings_.push_back({level, kind, file, std::move(what), {}, {}, {}, std::move(steps)});
}

base::status partition_check::read_listing() {
  TIDELOG_TRY(auto entries, files_.list(context_.root / context_.directory));
  std::sort(entries.begin(), entries.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  for (const auto& entry : entries) {
    names_.insert(entry.name);
    TIDELOG_DO(look_at(entry));
  }
  return {};
}

/// The next start recovers the log from the offset that it says, however the broker was stopped.
base::status partition_check::believe_failed_sync_marker() {
  TIDELOG_TRY(const auto marked,
              storage::read_failed_sync_marker(files_, context_.root / context_.directory));
  if (!marked) return {};
  context_.stopped_cleanly = false;
  context_.recovery_point = std::min(*marked, context_.recovery_point.value_or(*marked));
  return {};
}

base::status partition_check::look_at(const io::directory_entry& entry) {
  const std::string_view name = entry.name;
  const auto file = io::path(context_.directory) / entry.name;
  const auto segment = parse_segment_file_name(name);
  if (entry.kind == io::entry_kind::file && segment && segment->suffix == ".log") {
    const auto facts = files_.facts_of(context_.root / file);
    if (!facts && !is_unreadable(facts.error())) return tl::unexpected(facts.error());
    bytes_ += facts ? facts->size_bytes : 0;
    segment_task task;
    task.root = context_.root;
    task.file = file;
    task.base = segment->base;
    task.content = content_of(context_.directory);
    task.gaps = context_.gaps;
    tasks_.push_back(std::move(task));
    return {};
  }
  if (segment && segment->suffix == ".snapshot") return check_snapshot(file, segment->base);
  if (segment && segment->suffix == storage::transaction_index_suffix)
    return read_transaction_index(file, segment->base);
  const bool known = (segment && (segment->suffix == ".index" || segment->suffix == ".timeindex")) ||
                     name == storage::leader_epoch_cache::file_name ||
                     name == storage::partition_metadata_name || name == "quorum-state" ||
                     name == "recovery-point" || name.ends_with(".checkpoint");
  if (known) return {};
  if (name == storage::failed_sync_marker_name) {
    add(severity::note, "failed_sync", file,
        "a sync has failed; the next start writes again what may be in the page cache only");
    return {};
  }
  if (name.find(".log.aside-") != std::string_view::npos) {
    add(severity::note, "set_aside", file, "was set aside by a recovery, and is read by nobody");
    return {};
  }
  if (name.ends_with(".deleted") || name.ends_with(".cleaned") || name.ends_with(".swap") ||
      name.ends_with(".tmp") || name.ends_with(".part")) {
    add(severity::note, "leftover", file, "left by work that was under way; the next start sees to it");
  } else {
    add(severity::note, "unknown_file", file, "nothing is known of such a file; it is left alone");
  }
  return {};
}

base::status partition_check::read_transaction_index(const io::path& file, model::offset base) {
  const auto content = io::read_file(files_, context_.root / file, most_small_file_bytes);
  if (!content && is_errno(content.error()) && !is_unreadable(content.error()))
    return tl::unexpected(content.error());
  auto& index = transaction_indexes_[base];
  auto entries =
      content ? storage::decode_transaction_index(*content, file.filename().string())
              : base::result<std::vector<storage::aborted_transaction>>(tl::unexpected(content.error()));
  if (entries) {
    index.entries = std::move(*entries);
  } else {
    index.fault = entries.error().describe();
  }
  return {};
}

/// Where batches are missing, and in a compacted log, nothing can be said of an index but whether it is one.
void partition_check::check_transaction_indexes(const std::vector<segment_report>& reports) {
  const auto has_hole = [](const segment_report& report) {
    return std::any_of(report.findings.begin(), report.findings.end(), [&report](const finding& each) {
      // What is at the end goes, and the index is that of what stays.
      return each.level == severity::damaged && each.first_offset != report.end;
    });
  };
  const bool all_is_there = is_readable_ && !segments_missing_ && context_.gaps == offset_gaps::none &&
                            std::none_of(reports.begin(), reports.end(), has_hole);
  transaction_follower follower;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto found = transaction_indexes_.find(tasks_[i].base);
    const auto* const index = found == transaction_indexes_.end() ? nullptr : &found->second;
    const auto file = io::path(tasks_[i].file).replace_extension(storage::transaction_index_suffix);
    const auto verdict = follower.judge(reports[i].transactions, index);
    if (all_is_there && !verdict.fault.empty()) {
      add(severity::repairable, "wrong_transaction_index", file, verdict.fault,
          {{repair_step::action::replace,
            file,
            {},
            std::string(base::as_text(storage::encode_transaction_index(verdict.wanted)))}});
    } else if (index != nullptr && !index->fault.empty()) {
      add(severity::damaged, "wrong_transaction_index", file,
          index->fault + "; without it transactions that were rolled back would be read as committed");
    }
  }
}

base::status partition_check::check_snapshot(const io::path& file, model::offset at) {
  auto content = io::read_file(files_, context_.root / file, most_small_file_bytes);
  if (!content && is_unreadable(content.error())) {
    findings_.push_back(unreadable_file(severity::repairable, file, content.error(),
                                        {{repair_step::action::set_aside, file}}));
    return {};
  }
  if (!content && content.error().code != std::errc::file_too_large) return base::forward_error(content);
  const auto entries =
      content ? storage::decode_producer_snapshot(*content, file)
              : base::result<std::vector<storage::producer_snapshot_entry>>(tl::unexpected(content.error()));
  if (entries) {
    snapshots_.emplace_back(at, file);
  } else {
    add(severity::repairable, "bad_snapshot", file, entries.error().describe(),
        {{repair_step::action::set_aside, file}});
  }
  return {};
}

base::status partition_check::check_topic_id() {
  const auto file = io::path(context_.directory) / storage::partition_metadata_name;
  // The metadata log has a fixed id and no such file.
  if (content_of(context_.directory) == log_content::metadata) return {};
  const auto read = storage::read_partition_metadata(files_, context_.root / context_.directory);
  const bool missing = !read && read.error().code == std::errc::no_such_file_or_directory;
  topic_id_ = read ? std::optional(read->text()) : context_.topic_id;
  if (!read && !missing && is_errno(read.error()) && !is_unreadable(read.error()))
    return tl::unexpected(read.error());
  if (read && context_.topic_id && read->text() != *context_.topic_id) {
    add(severity::damaged, "other_topic", file,
        fmt::format("says topic id {}, the metadata log says {}", read->text(), *context_.topic_id));
  } else if (read && !context_.topic_id && context_.metadata_known) {
    add(severity::note, "stray", context_.directory,
        "the metadata log knows no such topic; a start sets it aside");
  } else if (!read) {
    std::vector<repair_step> steps;
    if (context_.topic_id) {
      const auto id = base::parse_uuid(*context_.topic_id);
      if (id) {
        steps.push_back({repair_step::action::replace,
                         file,
                         {},
                         storage::format_partition_metadata(model::topic_id(*id))});
      }
    } else if (!missing) {
      steps.push_back({repair_step::action::set_aside, file});
    }
    const auto level = missing && steps.empty() ? severity::note : severity::repairable;
    add(level, missing ? "no_partition_metadata" : "bad_partition_metadata", file,
        missing ? "is missing" : read.error().describe(), std::move(steps));
  }
  return {};
}

base::status partition_check::load_epochs() {
  storage::leader_epoch_cache cache;
  const auto state = cache.load(files_, context_.root / context_.directory);
  if (!state && is_errno(state.error()) && !is_unreadable(state.error()))
    return tl::unexpected(state.error());
  if (!state) {
    epoch_file_ = epoch_file::damaged;
    epoch_fault_ = state.error().describe();
  } else if (*state == storage::leader_epoch_cache::file_state::loaded) {
    epoch_file_ = epoch_file::read;
    epochs_ = cache.entries();
  }
  return {};
}

void partition_check::set_record_listener(
    const std::function<void(model::offset, const nlohmann::json&)>& listener) {
  for (auto& task : tasks_) task.on_record = listener;
}

void partition_check::finish(std::vector<segment_report> reports) {
  is_readable_ = std::none_of(reports.begin(), reports.end(),
                              [](const segment_report& each) { return each.unreadable; });
  check_chain(reports);
  check_transaction_indexes(reports);
  if (is_readable_) check_epochs(reports);
  for (const auto& [at, file] : snapshots_) {
    if (at <= log_end_ || !is_readable_) continue;
    add(severity::repairable, "stale_snapshot", file,
        fmt::format("speaks of batches behind the log's end at offset {}", log_end_.value()),
        {{repair_step::action::set_aside, file}});
  }
  for (auto& report : reports)
    std::move(report.findings.begin(), report.findings.end(), std::back_inserter(findings_));
  // Nothing is done by half of what there is to know; and a copy of the segment would fail.
  if (!is_readable_) {
    for (auto& found : findings_) found.steps.clear();
  }
  std::stable_sort(findings_.begin(), findings_.end(), [](const finding& left, const finding& right) {
    return std::tie(left.file, left.position) < std::tie(right.file, right.position);
  });
}

/// What stands at a segment's end although it belongs into the next one goes only where that one has it.
void check_overlap(segment_report& of, const segment_report& next, model::offset next_base) {
  const auto is_damage = [](const finding& each) { return each.level == severity::damaged; };
  const bool next_is_sound = std::none_of(next.findings.begin(), next.findings.end(), is_damage);
  for (auto& found : of.findings) {
    if (found.kind != "overlapping_segments") continue;
    const bool has_it = next_is_sound && found.first_offset >= next_base && found.last_offset < next.end;
    if (has_it) continue;
    found.level = severity::damaged;
    found.steps.clear();
  }
}

/// Whether a recovery ends the log behind segment `of`, so that the next one is not part of it. Reports why.
bool partition_check::next_is_left_out(const std::vector<segment_report>& reports, std::size_t of) {
  const auto& task = tasks_[of + 1];
  if (reports[of].log_ends) return true;
  const bool is_recovered = task.is_recovered_from(task.base + -1);
  if (is_recovered && task.base < log_end_) {
    add(severity::damaged, "overlapping_segments", task.file,
        fmt::format("begins before the end of the segment before it, at offset {}", log_end_.value()));
    return true;
  }
  const bool is_told = reports[of].damaged_to_the_end || reports[of].unreadable;
  const bool gap = task.base > log_end_ && !is_told;
  if (!gap || context_.gaps == offset_gaps::as_of_compaction) return false;
  add(severity::damaged, "missing_segment", task.file, "the offsets before it are in no segment");
  findings_.back().first_offset = log_end_;
  findings_.back().last_offset = task.base + -1;
  segments_missing_ |= !is_recovered;
  return is_recovered;
}

/// What stands behind a recovered log's end is kept, and never served.
void partition_check::set_aside_behind(std::vector<segment_report>& reports, std::size_t last_kept) {
  for (auto i = last_kept + 1; i < reports.size(); ++i) {
    std::vector<repair_step> steps;
    for (const auto* const suffix : {".log", ".index", ".timeindex", storage::transaction_index_suffix}) {
      const auto file = io::path(tasks_[i].file).replace_extension(suffix);
      if (names_.contains(file.filename().string())) steps.push_back({repair_step::action::set_aside, file});
    }
    add(reports[i].batches > 0 ? severity::damaged : severity::repairable, "behind_the_end", tasks_[i].file,
        fmt::format("past the recovery point the log ends at offset {}, before this segment",
                    log_end_.value()),
        std::move(steps));
    findings_.back().first_offset = tasks_[i].base;
  }
  reports.resize(last_kept + 1);
}

/// A roll that failed halfway has left an empty segment within the one that went on; a recovery removes it, too.
void partition_check::pass_never_begun(std::vector<segment_report>& reports, std::size_t behind) {
  for (auto next = behind + 1; next + 1 < reports.size() && reports[next].size_bytes == 0;) {
    const auto& task = tasks_[next];
    if (task.base >= log_end_ || !task.is_recovered_from(task.base + -1)) return;
    add(severity::repairable, "segment_never_begun", task.file,
        "is empty, and lies within the segment before it", {{repair_step::action::set_aside, task.file}});
    reports.erase(reports.begin() + static_cast<std::ptrdiff_t>(next));
    tasks_.erase(tasks_.begin() + static_cast<std::ptrdiff_t>(next));
  }
}

/// Consumers have seen the offsets below the recovery point: as in a recovery, no other records may ever have them.
void partition_check::go_on_behind_damage(std::vector<segment_report>& reports) {
  const auto point = context_.recovery_point;
  if (reports.empty() || !reports.back().damaged_to_the_end || !point || log_end_ >= *point) return;
  const auto file = io::path(context_.directory) / fmt::format("{:020}.log", point->value());
  for (auto& found : reports.back().findings) {
    const auto cuts = [](const repair_step& step) { return step.what == repair_step::action::remove_range; };
    if (found.first_offset != log_end_ || std::none_of(found.steps.begin(), found.steps.end(), cuts))
      continue;
    found.steps.push_back({repair_step::action::begin_segment, file});
    found.last_offset = *point + -1;
    log_end_ = *point;
    return;
  }
}

void partition_check::check_chain(std::vector<segment_report>& reports) {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    log_end_ = reports[i].end;
    if (!reports[i].epochs.empty()) newest_epoch_ = reports[i].epochs.back().epoch;
    pass_never_begun(reports, i);
    if (i + 1 == reports.size()) break;
    check_overlap(reports[i], reports[i + 1], tasks_[i + 1].base);
    if (next_is_left_out(reports, i)) set_aside_behind(reports, i);
  }
  if (is_readable_) go_on_behind_damage(reports);
  for (const auto& each : epochs_)
    if (each.start_offset < log_end_) newest_epoch_ = std::max(newest_epoch_, each.epoch);
}

void partition_check::check_epochs(const std::vector<segment_report>& reports) {
  const auto file = io::path(context_.directory) / storage::leader_epoch_cache::file_name;
  std::vector<storage::epoch_entry> from_batches;
  bool differ = false;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto& report = reports[i];
    differ |= report.epochs_differ;
    if (!report.epochs.empty() && !from_batches.empty() &&
        report.epochs.front().epoch < from_batches.back().epoch) {
      add(severity::damaged, "leader_epoch", tasks_[i].file,
          fmt::format("leader epoch {} after {}", report.epochs.front().epoch.value(),
                      from_batches.back().epoch.value()));
    }
    for (const auto& each : report.epochs)
      if (from_batches.empty() || each.epoch > from_batches.back().epoch) from_batches.push_back(each);
  }
  const bool behind = !epochs_.empty() && epochs_.back().start_offset > log_end_;
  // Where the batches contradict each other, which is told above, nothing better can be made of them.
  const bool is_what_they_say = epoch_file_ == epoch_file::read && text_of(epochs_) == text_of(from_batches);
  if (epoch_file_ != epoch_file::damaged && ((!differ && !behind) || is_what_they_say)) return;
  std::vector<repair_step> steps{{repair_step::action::replace, file, {}, text_of(from_batches)}};
  if (epoch_file_ == epoch_file::damaged) {
    add(severity::repairable, "bad_epoch_checkpoint", file, epoch_fault_, std::move(steps));
  } else {
    add(severity::repairable, "stale_epoch_checkpoint", file, "says other leader epochs than the batches",
        std::move(steps));
  }
}

}  // namespace tidelog::tools
