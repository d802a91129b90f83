#include "tidelog/storage/leader_epoch_cache.hpp"

#include "checkpoint_file_lines.hpp"

#include "tidelog/base/quoted.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

base::result<std::vector<epoch_entry>> parse_epochs(std::string_view content, const io::path& name) {
  TIDELOG_TRY(const auto lines, parse_checkpoint_lines(content, name));
  std::vector<epoch_entry> entries;
  entries.reserve(lines.size());
  for (const auto line : lines) {
    const auto words = split_words(line);
    const auto epoch = words.size() == 2 ? parse_natural<std::int32_t>(words[0]) : std::nullopt;
    const auto start = words.size() == 2 ? parse_natural<std::int64_t>(words[1]) : std::nullopt;
    if (!epoch || !start) {
      return base::fail(errc::corrupt_checkpoint, "{}: {} is no epoch and start offset", name.native(),
                        base::quoted(line));
    }
    const epoch_entry entry{model::leader_epoch(*epoch), model::offset(*start)};
    if (!entries.empty() &&
        (entry.epoch <= entries.back().epoch || entry.start_offset <= entries.back().start_offset)) {
      return base::fail(errc::corrupt_checkpoint, "{}: {} does not rise above the line before", name.native(),
                        base::quoted(line));
    }
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace

base::result<leader_epoch_cache::file_state> leader_epoch_cache::load(io::file_system& files,
                                                                      const io::path& partition_directory) {
  entries_.clear();
  dirty_ = false;
  const auto name = partition_directory / file_name;
  auto content = io::read_file(files, name, most_checkpoint_bytes);
  if (!content) {
    if (content.error().code == std::errc::no_such_file_or_directory) return file_state::missing;
    return base::forward_error(content);
  }
  if (content->empty()) return file_state::missing;
  auto entries = parse_epochs(base::as_text(*content), name);
  // A bad file is replaced also when there turns out to be nothing to put into it.
  dirty_ = !entries.has_value();
  if (!entries) return base::forward_error(entries);
  entries_ = std::move(*entries);
  return file_state::loaded;
}

base::status leader_epoch_cache::flush(io::file_system& files, const io::path& partition_directory) {
  if (!dirty_) return {};
  TIDELOG_DO(io::replace_file(files, partition_directory / file_name, base::as_bytes(text())));
  dirty_ = false;
  return {};
}

base::status leader_epoch_cache::write_aside(io::file_system& files,
                                             const io::path& partition_directory) const {
  if (!dirty_) return {};
  return io::write_replacement(files, partition_directory / file_name, base::as_bytes(text()));
}

base::status leader_epoch_cache::put_in_place(io::file_system& files, const io::path& partition_directory) {
  if (!dirty_) return {};
  TIDELOG_DO(io::put_replacement_in_place(files, partition_directory / file_name));
  dirty_ = false;
  return {};
}

std::string leader_epoch_cache::text() const {
  auto text = begin_checkpoint(entries_.size());
  for (const auto& entry : entries_) {
    text += fmt::format("{} {}\n", entry.epoch.value(), entry.start_offset.value());
  }
  return text;
}

void leader_epoch_cache::assign(model::leader_epoch epoch, model::offset start_offset) {
  const auto contradicts = [&](const epoch_entry& each) {
    return each.epoch > epoch || each.start_offset > start_offset ||
           (each.start_offset == start_offset && each.epoch < epoch);
  };
  while (!entries_.empty() && contradicts(entries_.back())) {
    entries_.pop_back();
    dirty_ = true;
  }
  // The epoch goes on; it began where it is known to have begun.
  if (!entries_.empty() && entries_.back().epoch == epoch) return;
  entries_.push_back({epoch, start_offset});
  dirty_ = true;
}

std::optional<model::leader_epoch> leader_epoch_cache::latest_epoch() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back().epoch;
}

std::optional<model::leader_epoch> leader_epoch_cache::epoch_at(model::offset at) const {
  const auto after = std::ranges::upper_bound(entries_, at, {}, &epoch_entry::start_offset);
  if (after == entries_.begin()) return std::nullopt;
  return std::prev(after)->epoch;
}

epoch_end leader_epoch_cache::end_offset_for(model::leader_epoch requested, model::offset log_end) const {
  if (entries_.empty() || requested < model::leader_epoch(0)) return {};
  if (requested == entries_.back().epoch) return {requested, log_end};
  const auto next = std::ranges::upper_bound(entries_, requested, {}, &epoch_entry::epoch);
  if (next == entries_.end()) return {};
  // Nothing is known of an epoch that old: whatever it wrote ended where the known ones begin.
  if (next == entries_.begin()) return {requested, next->start_offset};
  return {std::prev(next)->epoch, next->start_offset};
}

void leader_epoch_cache::truncate_from_end(model::offset end) {
  while (!entries_.empty() && entries_.back().start_offset >= end) {
    entries_.pop_back();
    dirty_ = true;
  }
}

void leader_epoch_cache::truncate_from_start(model::offset start) {
  auto covering = std::ranges::upper_bound(entries_, start, {}, &epoch_entry::start_offset);
  if (covering == entries_.begin()) return;
  --covering;
  if (covering == entries_.begin() && covering->start_offset == start) return;
  covering->start_offset = start;
  entries_.erase(entries_.begin(), covering);
  dirty_ = true;
}

void leader_epoch_cache::clear() {
  if (entries_.empty()) return;
  entries_.clear();
  dirty_ = true;
}

}  // namespace tidelog::storage
