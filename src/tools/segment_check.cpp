#include "segment_check.hpp"

#include "cli_context.hpp"
#include "index_check.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/codec/records_check.hpp"

#include <algorithm>
#include <limits>

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

class segment_checker {
 public:
  segment_checker(const segment_task& task, file_window window, index_check indexes,
                  std::atomic<std::uint64_t>& done_bytes)
      : task_(task), window_(std::move(window)), indexes_(std::move(indexes)), done_bytes_(done_bytes) {
    report_.end = task.base;
  }

  base::result<segment_report> run();

 private:
  /// Everything about a batch that its header and checksum tell. Fails with a batch_errc or an errno.
  base::result<model::record_batch_view> sound_batch(std::uint64_t position, model::offset least);
  base::status check_records(const model::record_batch_view& batch);
  base::status open_records(const model::record_batch_view& batch);
  base::status open_each(const model::record_batch_view& batch, base::byte_view records);
  bool is_out_of_line(const model::record_batch_header& batch, std::uint64_t next_position);
  void take(const model::record_batch_view& batch, std::uint64_t position);
  void check_epoch(const model::record_batch_view& batch, std::uint64_t position);
  base::result<std::optional<std::uint64_t>> find_next(std::uint64_t position);
  base::result<std::optional<std::uint64_t>> behind_its_length(std::uint64_t position, model::offset least);
  struct chain {
    bool reaches_end = false;
    std::uint64_t end = 0;
  };
  base::result<chain> follow(std::uint64_t position);
  base::result<std::uint64_t> pass_over(std::uint64_t position, const base::error& why);
  void report_damage(byte_range range, std::optional<std::uint64_t> next, const base::error& why);
  finding& add(severity level, std::string_view kind, std::uint64_t position, std::string what) {
    report_.findings.push_back({level, kind, task_.file, std::move(what), position, {}, {}, {}});
    return report_.findings.back();
  }

  const segment_task& task_;
  file_window window_;
  index_check indexes_;
  std::atomic<std::uint64_t>& done_bytes_;
  segment_report report_;
  model::leader_epoch epoch_ = model::no_leader_epoch;
  /// The batch before the next one did not check: offsets that are missing here have been reported.
  bool cut_ = false;
  bool positions_change_ = false;
  bool unknown_records_told_ = false;
};

base::result<model::record_batch_view> segment_checker::sound_batch(std::uint64_t position,
                                                                    model::offset least) {
  TIDELOG_TRY(const auto batch, window_.batch_at(position));
  TIDELOG_DO(model::verify_crc(batch));
  TIDELOG_DO(model::check_header(batch));
  if (batch.base_offset() < least) {
    return base::fail(model::batch_errc::bad_offsets,
                      "the batch begins at offset {}, the one before ends at {}", batch.base_offset().value(),
                      least.value() - 1);
  }
  if (task_.next_base && batch.last_offset() >= *task_.next_base) {
    return base::fail(model::batch_errc::bad_offsets,
                      "the batch ends at offset {}, the next segment begins at {}",
                      batch.last_offset().value(), task_.next_base->value());
  }
  if (batch.last_offset() - task_.base > std::numeric_limits<std::int32_t>::max()) {
    return base::fail(model::batch_errc::bad_offsets, "offset {} is too far from the segment's base {}",
                      batch.last_offset().value(), task_.base.value());
  }
  return batch;
}

/// A batch that claims to lie ahead of its place: the one behind it goes on where it should have begun.
bool segment_checker::is_out_of_line(const model::record_batch_header& batch, std::uint64_t next_position) {
  const auto claimed = batch.base_offset();
  if (claimed == report_.end || next_position >= window_.size()) return false;
  const auto next = window_.header_at(next_position);
  return next && next->base_offset() >= report_.end && next->base_offset() <= claimed;
}

base::status segment_checker::check_records(const model::record_batch_view& batch) {
  if (batch.record_count() == 0) return {};
  model::record_check_options options;
  options.deltas = model::offset_delta_order::increasing;
  TIDELOG_TRY([[maybe_unused]] const auto summary, codec::check_records(batch, options));
  return {};
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
  report_.end = batch.next_offset();
  ++report_.batches;
  report_.records += static_cast<std::uint64_t>(batch.record_count());
}

/// The batch behind the one at `position`, where that one's length is right.
base::result<std::optional<std::uint64_t>> segment_checker::behind_its_length(std::uint64_t position,
                                                                              model::offset least) {
  const auto header = window_.header_at(position);
  if (!header) {
    if (header.error().code.category() == model::batch_category()) return std::nullopt;
    return tl::unexpected(header.error());
  }
  const auto behind = position + header->size_bytes();
  if (behind == window_.size()) return std::nullopt;
  const auto next = sound_batch(behind, least);
  if (next) return behind;
  if (next.error().code.category() == model::batch_category()) return std::nullopt;
  return tl::unexpected(next.error());
}

/// Walks the batches from one that may be a record's value. Damage whose length is right does not end the chain.
base::result<segment_checker::chain> segment_checker::follow(std::uint64_t position) {
  auto least = report_.end;
  while (position < window_.size()) {
    const auto batch = sound_batch(position, least);
    if (batch) {
      least = batch->next_offset();
      position += batch->size_bytes();
      continue;
    }
    if (batch.error().code.category() != model::batch_category()) return tl::unexpected(batch.error());
    TIDELOG_TRY(const auto next, behind_its_length(position, least));
    if (!next) return chain{false, position};
    position = *next;
  }
  return chain{true, position};
}

/// The next sound batch behind damage at `position`. A record's value may itself hold batches: what is found within a
/// batch counts only when batches follow from there to the segment's end.
base::result<std::optional<std::uint64_t>> segment_checker::find_next(std::uint64_t position) {
  TIDELOG_TRY(const auto behind, behind_its_length(position, report_.end));
  if (behind) return behind;
  const std::uint64_t header_bytes = base::limits::record_batch_header_bytes;
  for (auto at = position + 1; at + header_bytes <= window_.size(); ++at) {
    if (interrupted()) return std::nullopt;
    TIDELOG_TRY(const auto bytes, window_.view(at, header_bytes));
    if (bytes.size() < header_bytes) return std::nullopt;
    if (bytes[model::batch_position::magic] != std::byte{model::record_batch_magic}) continue;
    const auto header = model::parse_record_batch_header(bytes, window_.size() - at);
    if (!header || header->base_offset() < report_.end || !model::check_header(*header)) continue;
    if (!sound_batch(at, report_.end)) continue;
    TIDELOG_TRY(const auto from_here, follow(at));
    if (from_here.reaches_end) return at;
    at = std::max(at, from_here.end);
  }
  return std::nullopt;
}

void segment_checker::report_damage(byte_range range, std::optional<std::uint64_t> next,
                                    const base::error& why) {
  using model::batch_errc;
  const bool to_the_end = !next;
  const bool torn = why.code == batch_errc::truncated_header || why.code == batch_errc::truncated_body;
  const bool zeros = why.code == batch_errc::zero_filled;
  const bool is_tail = to_the_end && !task_.next_base;
  const bool was_synced = task_.recovery_point ? report_.end < *task_.recovery_point : task_.stopped_cleanly;
  std::string_view kind = "damaged_batch";
  if (is_tail && torn) kind = "torn_tail";
  if (is_tail && zeros) kind = "zero_filled_tail";
  auto& found = add(is_tail && !was_synced ? severity::repairable : severity::damaged, kind, range.begin,
                    fmt::format("{} bytes do not check: {}", range.size(), why.describe()));
  found.first_offset = report_.end;
  found.steps = {{repair_step::action::remove_range, task_.file, range, {}}};
  if (next) {
    // What follows moves up, so that no position holds any more.
    positions_change_ = true;
    for (auto& step : indexes_.set_aside_steps()) found.steps.push_back(std::move(step));
    const auto after = window_.header_at(*next);
    if (after && after->base_offset() > report_.end) found.last_offset = after->base_offset() + -1;
  } else if (task_.next_base) {
    found.last_offset = *task_.next_base + -1;
  }
  report_.damaged_to_the_end = to_the_end;
}

/// The batches from here on belong to the next segment, which has them or should: they are all ahead of its base.
bool is_overlap(const model::record_batch_header& batch, std::optional<model::offset> next_base) {
  return next_base && batch.last_offset() >= *next_base;
}

base::result<std::uint64_t> segment_checker::pass_over(std::uint64_t position, const base::error& why) {
  const auto size = window_.size();
  std::optional<std::uint64_t> next;
  const auto whole = window_.batch_at(position);
  const bool checks = whole && model::verify_crc(*whole) && model::check_header(*whole);
  const bool overlaps = checks && is_overlap(*whole, task_.next_base);
  if (overlaps) {
    TIDELOG_TRY(next, behind_its_length(position, report_.end));
    if (!next) {
      auto& found = add(severity::repairable, "overlapping_segments", position, why.describe());
      found.first_offset = window_.header_at(position)->base_offset();
      found.steps = {{repair_step::action::remove_range, task_.file, {position, size}, {}}};
      cut_ = true;
      return size;
    }
  } else {
    TIDELOG_TRY(next, find_next(position));
  }
  report_damage({position, next.value_or(size)}, next, why);
  cut_ = true;
  return next.value_or(size);
}

base::result<segment_report> segment_checker::run() {
  std::uint64_t position = 0;
  while (position < window_.size() && !interrupted()) {
    auto batch = sound_batch(position, report_.end);
    std::uint64_t next = position;
    base::status records;
    if (batch) {
      next += batch->size_bytes();
      records = check_records(*batch);
    }
    if (!batch && batch.error().code.category() != model::batch_category()) return base::forward_error(batch);
    if (batch && !records) {
      const auto why = records.error();
      report_damage({position, next}, next == window_.size() ? std::nullopt : std::optional(next), why);
      cut_ = true;
    } else if (batch && is_out_of_line(*batch, next)) {
      report_damage({position, next}, next, {make_error_code(model::batch_errc::bad_offsets), {}});
      cut_ = true;
    } else if (batch) {
      batch = window_.batch_at(position);
      if (!batch) return base::forward_error(batch);
      if (batch->is_control() || task_.content != log_content::records) {
        if (const auto opened = open_records(*batch); !opened) {
          auto& found = add(severity::damaged, "bad_record", position, opened.error().describe());
          found.first_offset = batch->base_offset();
          found.last_offset = batch->last_offset();
        }
      }
      take(*batch, position);
    } else {
      TIDELOG_TRY(next, pass_over(position, batch.error()));
    }
    done_bytes_ += next - position;
    position = next;
  }
  if (!positions_change_ && !interrupted()) {
    for (auto& found : indexes_.findings()) report_.findings.push_back(std::move(found));
  }
  return std::move(report_);
}

}  // namespace

base::result<segment_report> check_segment(io::file_system& files, const segment_task& task,
                                           std::atomic<std::uint64_t>& done_bytes) {
  TIDELOG_TRY(const auto opened, files.open(task.root / task.file, io::open_mode::read));
  TIDELOG_TRY(auto window, file_window::open(*opened));
  TIDELOG_TRY(auto indexes, index_check::open(files, task.root, task.file, task.base));
  return segment_checker(task, std::move(window), std::move(indexes), done_bytes).run();
}

}  // namespace tidelog::tools
