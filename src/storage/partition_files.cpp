#include "partition_files.hpp"

#include "batch_walker.hpp"
#include "segment.hpp"
#include "set_aside.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/failed_sync_marker.hpp"
#include "tidelog/storage/leader_epoch_cache.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace tidelog::storage {
namespace {

constexpr std::size_t base_digits = 20;
constexpr std::string_view temporary_suffix = ".tmp";

struct segment_name {
  model::offset base;
  std::string_view suffix;
};

/// "00000000000000001530.log" and the like.
[[nodiscard]] std::optional<segment_name> parse_segment_name(std::string_view name) {
  if (name.size() <= base_digits || name[base_digits] != '.') return std::nullopt;
  std::int64_t base = 0;
  const char* const end = name.data() + base_digits;
  const auto parsed = std::from_chars(name.data(), end, base);
  if (parsed.ec != std::errc() || parsed.ptr != end || base < 0) return std::nullopt;
  return segment_name{model::offset(base), name.substr(base_digits)};
}

[[nodiscard]] bool is_index(std::string_view suffix) {
  return suffix == offset_index_entry::file_suffix || suffix == time_index_entry::file_suffix ||
         suffix == transaction_index_suffix;
}

/// A snapshot that was being written. Each would have another name, so nothing else takes the place of it.
[[nodiscard]] bool is_unfinished_snapshot(std::string_view name) {
  const std::size_t name_length = producer_snapshot_name(model::offset(0)).size();
  return name.size() > name_length && name.ends_with(temporary_suffix) &&
         parse_producer_snapshot_name(name.substr(0, name_length)).has_value();
}

/// Files of other parts of the house, or of the metadata log.
[[nodiscard]] bool belongs_to_others(std::string_view name) {
  return name == "partition.metadata" || name == "quorum-state" || name == "recovery-point" ||
         name.ends_with(".snapshot") || name.ends_with(".checkpoint") || name.ends_with(temporary_suffix);
}

struct swap_file {
  model::offset base;
  std::string name;
};

struct listing {
  std::vector<model::offset> bases;
  std::vector<std::pair<model::offset, std::string>> indexes;
  std::vector<swap_file> swaps;
  std::vector<std::string> leftovers;
  std::vector<std::string> unfinished;
  std::vector<std::string> set_aside;
  std::optional<model::offset> lowest_cleaned;
  std::vector<model::offset> snapshots;
  bool has_epochs = false;
  bool has_failed_sync_marker = false;
};

[[nodiscard]] base::result<listing> read_listing(io::file_system& files, const io::path& directory) {
  TIDELOG_TRY(auto entries, files.list(directory));
  listing found;
  for (auto& entry : entries) {
    const std::string_view name = entry.name;
    const auto parsed = parse_segment_name(name);
    if (entry.kind == io::entry_kind::file && name.ends_with(deleted_suffix)) {
      found.leftovers.push_back(std::move(entry.name));
    } else if (entry.kind == io::entry_kind::file && parsed && name.ends_with(cleaned_suffix)) {
      if (!found.lowest_cleaned || parsed->base < *found.lowest_cleaned) found.lowest_cleaned = parsed->base;
      found.leftovers.push_back(std::move(entry.name));
    } else if (entry.kind == io::entry_kind::file && parsed && name.ends_with(swap_suffix)) {
      found.swaps.push_back({parsed->base, std::move(entry.name)});
    } else if (entry.kind == io::entry_kind::file && parsed && parsed->suffix == data_suffix) {
      found.bases.push_back(parsed->base);
    } else if (entry.kind == io::entry_kind::file && parsed && is_index(parsed->suffix)) {
      found.indexes.emplace_back(parsed->base, std::move(entry.name));
    } else if (entry.kind == io::entry_kind::file && is_set_aside_name(name) &&
               !name.ends_with(temporary_suffix)) {
      found.set_aside.push_back(std::move(entry.name));
    } else if (const auto snapshot = parse_producer_snapshot_name(name);
               snapshot && entry.kind == io::entry_kind::file) {
      found.snapshots.push_back(*snapshot);
    } else if (entry.kind == io::entry_kind::file && is_unfinished_snapshot(name)) {
      found.unfinished.push_back(std::move(entry.name));
    } else if (name == leader_epoch_cache::file_name) {
      found.has_epochs = true;
    } else if (name == failed_sync_marker_name) {
      found.has_failed_sync_marker = true;
    } else if (!belongs_to_others(name)) {
      base::say_warning("{} is left alone: nothing is known of such a file", (directory / name).native());
    }
  }
  std::sort(found.bases.begin(), found.bases.end());
  std::sort(found.snapshots.begin(), found.snapshots.end());
  return found;
}

/// The offset after the last batch of a swap file.
[[nodiscard]] base::result<model::offset> end_of(io::file_system& files, const io::path& name,
                                                 model::offset base) {
  TIDELOG_TRY(const auto file, files.open(name, io::open_mode::read));
  TIDELOG_TRY(const std::uint64_t size, file->size());
  batch_walker walker(*file, 0, size);
  model::offset end = base;
  while (true) {
    TIDELOG_TRY(const auto batch, walker.next());
    if (!batch) return end;
    end = batch->next_offset();
  }
}

[[nodiscard]] base::status remove(io::file_system& files, const io::path& name) {
  base::say_info("removing {}", name.native());
  return files.remove_file(name);
}

/// What a swap file replaces goes when all files of the replacement have their names; a `.cleaned` file is then of another
/// cleaning, which could not remove it.
[[nodiscard]] bool has_begun_to_replace(model::offset base, const listing& found) {
  const std::string name = segment_file_name(base, data_suffix);
  return !std::ranges::binary_search(found.bases, base) &&
         std::ranges::find(found.leftovers, name + std::string(deleted_suffix)) != found.leftovers.end();
}

/// A crash anywhere in here is followed by the same again: the swap files keep their names until what they replace has
/// gone.
[[nodiscard]] base::status finish_swaps(io::file_system& files, const io::path& directory, listing& found,
                                        recovery_log& findings) {
  // Who gave them these names may have died before they were on disk: a power cut must not take them back, and with them
  // the records, when what they replace has gone.
  TIDELOG_DO(files.sync_directory(directory));
  std::set<model::offset> with_data;
  for (const auto& swap : found.swaps) {
    if (parse_segment_name(swap.name)->suffix.starts_with(data_suffix)) with_data.insert(swap.base);
  }
  std::vector<swap_file> valid;
  for (auto& swap : found.swaps) {
    // An index alone may be all that a power cut has left of a cleaned segment, or the last that has not got its name yet.
    // The index of a segment that is there is never given up for it: one that is missing can be made again.
    const bool is_cut_short =
        found.lowest_cleaned && swap.base >= *found.lowest_cleaned && !has_begun_to_replace(swap.base, found);
    if (is_cut_short || !with_data.contains(swap.base)) {
      TIDELOG_DO(remove(files, directory / swap.name));
      findings.add({.what = recovery_outcome::leftover_swap_dropped, .file = directory / swap.name});
    } else {
      valid.push_back(std::move(swap));
    }
  }
  model::offset low{std::numeric_limits<std::int64_t>::max()};
  model::offset high{0};
  for (const auto& swap : valid) {
    if (!parse_segment_name(swap.name)->suffix.starts_with(data_suffix)) continue;
    TIDELOG_TRY(const auto end, end_of(files, directory / swap.name, swap.base));
    low = std::min(low, swap.base);
    high = std::max(high, end);
  }
  const auto covered = [&](model::offset base) { return base >= low && base < high; };
  for (const model::offset base : found.bases) {
    if (covered(base)) TIDELOG_DO(remove(files, directory / segment_file_name(base, data_suffix)));
  }
  std::erase_if(found.bases, covered);
  for (const auto& [base, name] : found.indexes) {
    if (covered(base)) TIDELOG_DO(remove(files, directory / name));
  }
  std::erase_if(found.indexes, [&](const auto& index) { return covered(index.first); });
  // A power cut must not give back what the swap files have replaced when these have their names already.
  TIDELOG_DO(files.sync_directory(directory));
  for (const auto& swap : valid) {
    const std::string name = swap.name.substr(0, swap.name.size() - std::string_view(swap_suffix).size());
    TIDELOG_DO(files.rename(directory / swap.name, directory / name));
    findings.add({.what = recovery_outcome::leftover_swap, .file = directory / swap.name});
    const auto suffix = parse_segment_name(name)->suffix;
    if (suffix == data_suffix) found.bases.push_back(swap.base);
    if (is_index(suffix)) found.indexes.emplace_back(swap.base, name);
  }
  std::sort(found.bases.begin(), found.bases.end());
  return files.sync_directory(directory);
}

}  // namespace

base::result<partition_files> tidy_partition_directory(io::file_system& files, const io::path& directory,
                                                       recovery_log& findings) {
  TIDELOG_TRY(auto found, read_listing(files, directory));
  if (!found.swaps.empty()) TIDELOG_DO(finish_swaps(files, directory, found, findings));
  for (const auto& name : found.leftovers) {
    TIDELOG_DO(remove(files, directory / name));
    findings.add({.what = std::string_view(name).ends_with(deleted_suffix)
                              ? recovery_outcome::leftover_deleted
                              : recovery_outcome::leftover_cleaned,
                  .file = directory / name});
  }
  for (const auto& name : found.unfinished) TIDELOG_DO(files.remove_file(directory / name));
  for (const auto& [base, name] : found.indexes) {
    if (std::binary_search(found.bases.begin(), found.bases.end(), base)) continue;
    base::say_warning("{} has no segment", (directory / name).native());
    TIDELOG_DO(remove(files, directory / name));
    findings.add({.what = recovery_outcome::orphaned_index, .file = directory / name, .first_offset = base});
  }
  for (const auto& name : found.set_aside) {
    base::say_warning("{} was set aside by an earlier recovery and still is there",
                      (directory / name).native());
    findings.add({.what = recovery_outcome::set_aside_before, .file = directory / name});
  }
  std::vector<model::offset> transaction_indexes;
  for (const auto& [base, name] : found.indexes) {
    if (parse_segment_name(name)->suffix == transaction_index_suffix) transaction_indexes.push_back(base);
  }
  std::ranges::sort(transaction_indexes);
  return partition_files{std::move(found.bases), std::move(found.snapshots), std::move(transaction_indexes),
                         found.has_epochs, found.has_failed_sync_marker};
}

}  // namespace tidelog::storage
