#include "segment_check.hpp"

#include "batch_finder.hpp"
#include "cli_context.hpp"
#include "index_check.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/codec/records_check.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

using nlohmann::json;

/// Of the records of a batch in an internal log.
constexpr std::size_t most_opened_bytes = std::size_t{256} << 20;

/// The epoch that the checkpoint has for an offset; nothing for what lies before its first line.
std::optional<model::leader_epoch> epoch_at(const std::vector<storage::epoch_entry>& epochs,
                                            model::offset at) {
  const auto after = std::upper_bound(
      epochs.begin(), epochs.end(), at,
      [](model::offset left, const storage::epoch_entry& right) { return left < right.start_offset; });
  if (after == epochs.begin()) return std::nullopt;
  return std::prev(after)->epoch;
}

/// A recovery takes this segment's batches, and leaves the next one out where they overlap.
segment_limits limits_of(const segment_task& task) {
  const bool next_may_go = task.next_base && task.is_recovered_from(*task.next_base + -1);
  return {task.base, next_may_go ? std::nullopt : task.next_base};
}

class segment_checker {
 public:
  segment_checker(const segment_task& task, file_window window, index_check indexes,
                  std::atomic<std::uint64_t>& done_bytes)
      : task_(task),
        window_(std::move(window)),
        finder_(window_, limits_of(task)),
        indexes_(std::move(indexes)),
        done_bytes_(done_bytes) {
    report_.end = task.base;
    report_.size_bytes = window_.size();
  }
  segment_checker(const segment_checker&) = delete;
  segment_checker& operator=(const segment_checker&) = delete;

  base::result<segment_report> run();

 private:
  /// Looks at what is at `position`; returns where to go on.
  base::result<std::uint64_t> step(std::uint64_t position);
  void check_records(const model::record_batch_view& batch, std::uint64_t position);
  base::status open_records(const model::record_batch_view& batch);
  base::status open_each(const model::record_batch_view& batch, base::byte_view records);
  bool is_out_of_line(const model::record_batch_header& batch, std::uint64_t next_position);
  void take(const model::record_batch_view& batch, std::uint64_t position);
  void check_epoch(const model::record_batch_view& batch, std::uint64_t position);
  base::result<std::uint64_t> pass_over(std::uint64_t position, const base::error& why);
  base::result<std::uint64_t> pass_wrong_offset(std::uint64_t position, const base::error& why);
  base::status put_right(std::uint64_t position);
  base::result<std::optional<model::offset>> last_offset_from(std::uint64_t position);
  base::result<bool> belongs_here(std::int32_t last_offset_delta, std::uint64_t next_position);
  void take_old_message(std::uint64_t position);
  base::result<std::uint64_t> pass_unreadable(std::uint64_t position, const base::error& why);
  std::uint64_t report_damage(byte_range range, std::optional<std::uint64_t> next, const base::error& why);
  bool ends_the_log(std::optional<model::offset> goes_on_at) const;
  finding& add(severity level, std::string_view kind, std::uint64_t position, std::string what) {
    report_.findings.push_back({level, kind, task_.file, std::move(what), position, {}, {}, {}});
    return report_.findings.back();
  }

  const segment_task& task_;
  file_window window_;
  batch_finder finder_;
  index_check indexes_;
  transaction_events transactions_;
  std::atomic<std::uint64_t>& done_bytes_;
  segment_report report_;
  model::leader_epoch epoch_ = model::no_leader_epoch;
  /// The batch before the next one did not check: offsets that are missing here have been reported.
  bool cut_ = false;
  bool positions_change_ = false;
  bool has_old_messages_ = false;
  bool unknown_records_told_ = false;
};

/// A batch that claims to lie ahead of its place: the one behind it goes on where it should have begun.
bool segment_checker::is_out_of_line(const model::record_batch_header& batch, std::uint64_t next_position) {
  const auto claimed = batch.base_offset();
  if (claimed == report_.end || next_position >= window_.size()) return false;
  const auto next = window_.header_at(next_position);
  return next && next->base_offset() >= report_.end && next->base_offset() <= claimed;
}

/// Of a batch whose checksum holds: its records are as they were written, and nothing of it is ever removed.
void segment_checker::check_records(const model::record_batch_view& batch, std::uint64_t position) {
  base::status opened;
  if (batch.record_count() > 0) {
    model::record_check_options options;
    options.deltas = model::offset_delta_order::increasing;
    const auto checked = codec::check_records(batch, options);
    if (!checked) opened = tl::unexpected(checked.error());
  }
  // Kafka takes such a batch from a producer, and gives it to consumers.
  const bool only_miscounted = !opened && opened.error().code == model::batch_errc::bad_offset_delta;
  if (opened && (batch.is_control() || task_.content != log_content::records)) opened = open_records(batch);
  if (opened) return;
  auto& found = add(only_miscounted ? severity::note : severity::damaged,
                    only_miscounted ? "odd_offset_deltas" : "bad_records", position,
                    fmt::format("the checksum holds, but {}", opened.error().describe()));
  found.first_offset = batch.base_offset();
  found.last_offset = batch.last_offset();
}

base::status segment_checker::open_records(const model::record_batch_view& batch) {
  if (batch.compression() == model::compression_type::none) return open_each(batch, batch.records());
  TIDELOG_TRY(const auto opened, codec::decompress(batch.compression(), batch.records(), most_opened_bytes));
  return open_each(batch, opened);
}

base::status segment_checker::open_each(const model::record_batch_view& batch, base::byte_view records) {
  model::record_reader reader(records, batch.record_count());
  for (;;) {
    TIDELOG_TRY(const auto record, reader.next());
    if (!record) return {};
    json document = json::object();
    TIDELOG_TRY(const auto known, batch.is_control() ? open_control_record(*record, document)
                                                     : open_record(task_.content, *record, document));
    if (batch.is_control()) continue;
    if (known == record_knowledge::opened && task_.on_record)
      task_.on_record(model::offset_of(batch, *record), document);
    if (known == record_knowledge::opaque && !unknown_records_told_) {
      unknown_records_told_ = true;
      report_.findings.push_back({severity::note,
                                  "unknown_record",
                                  task_.file,
                                  "a record of a kind or version that is not known: " + document.dump(),
                                  {},
                                  model::offset_of(batch, *record),
                                  {},
                                  {}});
    }
  }
}

void segment_checker::check_epoch(const model::record_batch_view& batch, std::uint64_t position) {
  const auto epoch = batch.partition_leader_epoch();
  // Written before there were epochs.
  if (epoch == model::no_leader_epoch) return;
  if (epoch < epoch_) {
    auto& found = add(severity::damaged, "leader_epoch", position,
                      fmt::format("leader epoch {} after {}", epoch.value(), epoch_.value()));
    found.first_offset = batch.base_offset();
    found.last_offset = batch.last_offset();
    return;
  }
  if (epoch > epoch_) report_.epochs.push_back({epoch, batch.base_offset()});
  epoch_ = epoch;
  if (task_.epochs == nullptr) return;
  const auto expected = epoch_at(*task_.epochs, batch.base_offset());
  if (!expected ? task_.epochs->empty() : *expected != epoch) report_.epochs_differ = true;
}

void segment_checker::take(const model::record_batch_view& batch, std::uint64_t position) {
  const bool gap = batch.base_offset() > report_.end && task_.gaps == offset_gaps::none;
  if (gap && !cut_) {
    auto& found = add(severity::damaged, "missing_offsets", position, "offsets are in no batch");
    found.first_offset = report_.end;
    found.last_offset = batch.base_offset() + -1;
  }
  cut_ = false;
  check_epoch(batch, position);
  indexes_.take(batch, position);
  transactions_.take(batch);
  report_.end = batch.next_offset();
  ++report_.batches;
  report_.records += static_cast<std::uint64_t>(batch.record_count());
}

/// What a recovery makes of damage at the end so far: past the recovery point the log ends before it, also where it only
/// reaches beyond that point. Segments that lie below it as a whole are not looked at.
bool segment_checker::ends_the_log(std::optional<model::offset> goes_on_at) const {
  if (task_.stopped_cleanly) return false;
  if (task_.is_recovered_from(report_.end)) return true;
  if (goes_on_at) return task_.is_recovered_from(*goes_on_at + -1);
  return !task_.next_base || task_.is_recovered_from(*task_.next_base + -1);
}

/// Returns where to go on.
std::uint64_t segment_checker::report_damage(byte_range range, std::optional<std::uint64_t> next,
                                             const base::error& why) {
  using model::batch_errc;
  const bool torn = why.code == batch_errc::truncated_header || why.code == batch_errc::truncated_body;
  const bool zeros = why.code == batch_errc::zero_filled;
  const bool is_tail = !next && !task_.next_base;
  const bool was_synced = task_.recovery_point ? report_.end < *task_.recovery_point : task_.stopped_cleanly;
  std::string_view kind = "damaged_batch";
  if (is_tail && torn) kind = "torn_tail";
  if (is_tail && zeros) kind = "zero_filled_tail";
  auto& found = add(is_tail && !was_synced ? severity::repairable : severity::damaged, kind, range.begin,
                    fmt::format("{} bytes do not check: {}", range.size(), why.describe()));
  found.first_offset = report_.end;
  std::optional<model::offset> goes_on_at;
  if (next) {
    if (const auto after = window_.header_at(*next)) goes_on_at = after->base_offset();
  }
  report_.log_ends = ends_the_log(goes_on_at);
  if (next && report_.log_ends) {
    found.what += "; past the recovery point the log ends there";
    range.end = window_.size();
    next.reset();
  }
  report_.damaged_to_the_end = !next;
  // A metadata log with a part missing is not to be taken for whole.
  const bool mends = !next || task_.content != log_content::metadata;
  if (mends) found.steps = {{repair_step::action::remove_range, task_.file, range, {}}};
  if (next) {
    // What follows moves up, so that no position holds any more.
    positions_change_ = mends;
    if (mends) {
      for (auto& step : indexes_.set_aside_steps()) found.steps.push_back(std::move(step));
    }
    if (goes_on_at > report_.end) found.last_offset = *goes_on_at + -1;
  } else if (task_.next_base && !report_.log_ends) {
    found.last_offset = *task_.next_base + -1;
  }
  return range.end;
}

/// Whether a batch of so many offsets that stands at the end so far has just the place that the next one leaves it.
base::result<bool> segment_checker::belongs_here(std::int32_t last_offset_delta,
                                                 std::uint64_t next_position) {
  const auto next_offset = report_.end + last_offset_delta + 1;
  if (next_position == window_.size()) return task_.next_base == next_offset;
  const auto next = finder_.sound_batch(next_position, report_.end);
  if (!next && is_errno(next.error())) return tl::unexpected(next.error());
  return next && next->base_offset() == next_offset;
}

/// A batch whose checksum holds, and whose offset, which is outside the checksum, cannot be.
base::result<std::uint64_t> segment_checker::pass_wrong_offset(std::uint64_t position,
                                                               const base::error& why) {
  TIDELOG_TRY(const auto header, window_.header_at(position));
  const auto claimed = header.base_offset();
  const auto last = header.last_offset();
  const auto delta = header.last_offset_delta();
  const auto next = position + header.size_bytes();
  TIDELOG_TRY(const bool is_known, belongs_here(delta, next));
  if (is_known && claimed != report_.end) {
    TIDELOG_DO(put_right(position));
    return next;
  }
  TIDELOG_TRY(const auto behind, finder_.behind_its_length(position, report_.end));
  cut_ = true;
  if (!behind && task_.next_base && last >= *task_.next_base) {
    TIDELOG_TRY(const auto last_of_all, last_offset_from(position));
    auto& found = add(last_of_all ? severity::repairable : severity::damaged, "overlapping_segments",
                      position, why.describe());
    found.first_offset = claimed;
    found.last_offset = last_of_all;
    if (last_of_all)
      found.steps = {{repair_step::action::remove_range, task_.file, {position, window_.size()}, {}}};
    return window_.size();
  }
  add(severity::damaged, "wrong_base_offset", position, why.describe()).first_offset = report_.end;
  // As the last one it stays, and has so many offsets, whichever they are.
  if (next == window_.size() && !task_.next_base) report_.end = report_.end + delta + 1;
  return next;
}

base::status segment_checker::put_right(std::uint64_t position) {
  TIDELOG_TRY(const auto found_there, window_.batch_at(position));
  const auto claimed = found_there.base_offset();
  std::vector<std::byte> bytes(found_there.bytes().begin(), found_there.bytes().end());
  model::set_base_offset(bytes, report_.end);
  TIDELOG_TRY(const auto batch, model::parse_only_record_batch(bytes));
  auto& found = add(
      severity::repairable, "wrong_base_offset", position,
      fmt::format("the batch says offset {}, those around it say {}", claimed.value(), report_.end.value()));
  found.first_offset = batch.base_offset();
  found.last_offset = batch.last_offset();
  const auto offset_bytes = base::byte_view(bytes).first(model::batch_position::length);
  found.steps = {{repair_step::action::write_over,
                  task_.file,
                  {position, position + offset_bytes.size()},
                  std::string(base::as_text(offset_bytes))}};
  check_records(batch, position);
  take(batch, position);
  return {};
}

/// Of the batches from `position` to the segment's end, whatever the next segment has; nothing where one is not sound.
base::result<std::optional<model::offset>> segment_checker::last_offset_from(std::uint64_t position) {
  batch_finder finder(window_, {task_.base, {}});
  auto least = report_.end;
  while (position < window_.size()) {
    const auto batch = finder.sound_batch(position, least);
    if (!batch && is_errno(batch.error())) return tl::unexpected(batch.error());
    if (!batch) return std::nullopt;
    least = batch->next_offset();
    position += batch->size_bytes();
  }
  return least + -1;
}

/// Of the formats of before the record batch, which nothing here reads.
void segment_checker::take_old_message(std::uint64_t position) {
  const auto front = window_.view(position, sizeof(std::int64_t));
  const auto at = front ? model::offset(base::load_big_endian<std::int64_t>(front->data())) : report_.end;
  if (!has_old_messages_) {
    add(severity::note, "unsupported_format", position,
        "messages of format 0 or 1, of before Apache Kafka 0.11; they are not read, and left as they are")
        .first_offset = at;
  }
  has_old_messages_ = true;
  report_.end = std::max(report_.end, at + 1);
}

base::result<std::uint64_t> segment_checker::pass_over(std::uint64_t position, const base::error& why) {
  TIDELOG_TRY(const auto old_end, finder_.end_of_old_message(position));
  if (old_end) {
    take_old_message(position);
    return *old_end;
  }
  const auto whole = window_.batch_at(position);
  if (!whole && is_errno(whole.error())) return tl::unexpected(whole.error());
  const bool checks = whole && model::verify_crc(*whole) && model::check_header(*whole);
  if (checks && !task_.is_recovered_from(report_.end)) return pass_wrong_offset(position, why);
  TIDELOG_TRY(const auto next, finder_.behind_damage(position, report_.end));
  cut_ = true;
  return report_damage({position, next.value_or(window_.size())}, next, why);
}

base::result<std::uint64_t> segment_checker::step(std::uint64_t position) {
  auto batch = finder_.sound_batch(position, report_.end);
  if (!batch && is_errno(batch.error())) return base::forward_error(batch);
  if (!batch) return pass_over(position, batch.error());
  const auto next = position + batch->size_bytes();
  if (!task_.is_recovered_from(report_.end) && is_out_of_line(*batch, next))
    return pass_wrong_offset(position, {make_error_code(model::batch_errc::bad_offsets), {}});
  // The window may have moved.
  TIDELOG_TRY(batch, window_.batch_at(position));
  check_records(*batch, position);
  take(*batch, position);
  return next;
}

/// Goes on behind a batch that the disk gives only the header of.
base::result<std::uint64_t> segment_checker::pass_unreadable(std::uint64_t position, const base::error& why) {
  report_.unreadable = true;
  cut_ = true;
  const auto header = window_.header_at(position);
  auto next = window_.size();
  if (header) {
    const auto behind = position + header->size_bytes();
    const auto batch = finder_.sound_batch(behind, report_.end);
    if (!batch && is_errno(batch.error()) && !is_unreadable(batch.error()))
      return tl::unexpected(batch.error());
    if (batch || is_unreadable(batch.error())) next = behind;
  }
  add(severity::damaged, "unreadable", position,
      fmt::format("{}{}", why.describe(), next < window_.size() ? "" : "; the rest was not looked at"))
      .first_offset = report_.end;
  return next;
}

base::result<segment_report> segment_checker::run() {
  std::uint64_t position = 0;
  while (position < window_.size() && !interrupted()) {
    auto stepped = step(position);
    if (!stepped && is_unreadable(stepped.error())) stepped = pass_unreadable(position, stepped.error());
    TIDELOG_TRY(const auto next, std::move(stepped));
    done_bytes_ += next - position;
    position = next;
  }
  // Of messages in the old formats the indexes have entries, too.
  if (!positions_change_ && !has_old_messages_ && !report_.unreadable && !interrupted()) {
    for (auto& found : indexes_.findings()) report_.findings.push_back(std::move(found));
  }
  report_.transactions = std::move(transactions_.all());
  return std::move(report_);
}

}  // namespace

base::result<segment_report> check_segment(io::file_system& files, const segment_task& task,
                                           std::atomic<std::uint64_t>& done_bytes) {
  const auto opened = files.open(task.root / task.file, io::open_mode::read);
  auto window = opened ? file_window::open(**opened) : tl::unexpected(opened.error());
  if (!window && is_unreadable(window.error())) {
    segment_report report;
    report.end = task.base;
    report.unreadable = true;
    report.findings.push_back(unreadable_file(severity::damaged, task.file, window.error()));
    return report;
  }
  if (!window) return base::forward_error(window);
  TIDELOG_TRY(auto indexes, index_check::open(files, task.root, task.file, task.base));
  return segment_checker(task, std::move(*window), std::move(indexes), done_bytes).run();
}

}  // namespace tidelog::tools
