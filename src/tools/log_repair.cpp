#include "log_repair.hpp"

#include <algorithm>
#include <ctime>

namespace tidelog::tools {
namespace {

using action = repair_step::action;

constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20;

/// Overlapping and adjacent ranges become one.
void merge(std::vector<byte_range>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const byte_range& left, const byte_range& right) { return left.begin < right.begin; });
  std::vector<byte_range> merged;
  for (const auto& each : ranges) {
    if (!merged.empty() && each.begin <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, each.end);
    } else {
      merged.push_back(each);
    }
  }
  ranges = std::move(merged);
}

/// Copies a range of `from` to `position` in `to`; moves `position` on.
base::status copy_range(const io::file& from, byte_range range, io::file& to, std::uint64_t& position) {
  std::vector<std::byte> piece;
  while (range.begin < range.end) {
    piece.resize(std::min(piece_bytes, range.size()));
    TIDELOG_TRY(const auto got, from.read_at(piece, range.begin));
    if (got == 0) return base::fail_errno(EIO, "{} has become shorter", from.name());
    piece.resize(got);
    TIDELOG_DO(to.write_at(piece, position));
    range.begin += got;
    position += got;
  }
  return {};
}

/// Carries a plan out.
class repairer {
 public:
  repairer(io::file_system& files, const io::path& root, const io::path& aside)
      : files_(files), root_(root), aside_(aside) {}

  base::status repair(const io::path& file, const file_repair& how) {
    TIDELOG_DO(files_.make_directories((root_ / aside_ / file).parent_path()));
    TIDELOG_TRY(const bool there, files_.exists(root_ / file));
    switch (how.what) {
      case action::set_aside:
        if (!there) return {};
        TIDELOG_DO(files_.rename(root_ / file, root_ / aside_ / file));
        return sync_folders(file);
      case action::begin_segment:
        TIDELOG_DO(io::replace_file(files_, root_ / file, {}));
        return sync_folders(file);
      case action::replace:
        if (there) TIDELOG_DO(keep_whole(file));
        TIDELOG_DO(io::replace_file(files_, root_ / file, base::as_bytes(how.content)));
        return sync_folders(file);
      case action::write_over:
        return write_over(file, how.overwrites);
      case action::remove_range:
        TIDELOG_DO(write_over(file, how.overwrites));
        return cut(file, how.ranges);
    }
    return {};
  }

 private:
  base::status sync_folders(const io::path& file) {
    TIDELOG_DO(files_.sync_directory((root_ / aside_ / file).parent_path()));
    TIDELOG_DO(files_.sync_directory(root_ / aside_));
    TIDELOG_DO(files_.sync_directory((root_ / file).parent_path()));
    return files_.sync_directory(root_);
  }

  /// A copy of a range, or of the whole file for an empty one, on disk when this returns.
  base::status keep_range(const io::path& file, const io::path& as, byte_range range) {
    TIDELOG_TRY(const auto from, files_.open(root_ / file, io::open_mode::read));
    TIDELOG_TRY(const auto size, from->size());
    if (range.size() == 0) range.end = size;
    TIDELOG_TRY(const auto to, files_.open(root_ / as, io::open_mode::create_new));
    std::uint64_t position = 0;
    TIDELOG_DO(copy_range(*from, range, *to, position));
    return to->sync_data();
  }

  /// Of a file that cannot be read there is no copy, but it can be had whole.
  base::status keep_whole(const io::path& file) {
    auto kept = keep_range(file, aside_ / file, {0, 0});
    if (kept || !is_unreadable(kept.error())) return kept;
    return files_.rename(root_ / file, root_ / aside_ / file);
  }

  base::status write_over(const io::path& file, const std::map<std::uint64_t, std::string>& by_position) {
    for (const auto& [position, bytes] : by_position)
      TIDELOG_DO(keep_cut(file, {position, position + bytes.size()}));
    if (by_position.empty()) return {};
    TIDELOG_DO(sync_folders(file));
    TIDELOG_TRY(const auto segment, files_.open(root_ / file, io::open_mode::read_write));
    for (const auto& [position, bytes] : by_position)
      TIDELOG_DO(segment->write_at(base::as_bytes(bytes), position));
    return segment->sync_data();
  }

  base::status keep_cut(const io::path& file, byte_range range) {
    auto as = aside_ / file;
    as += fmt::format(".{}-{}", range.begin, range.end);
    return keep_range(file, as, range);
  }

  base::status cut(const io::path& file, const std::vector<byte_range>& ranges) {
    for (const auto& range : ranges) TIDELOG_DO(keep_cut(file, range));
    TIDELOG_DO(sync_folders(file));
    TIDELOG_TRY(const auto segment, files_.open(root_ / file, io::open_mode::read_write));
    TIDELOG_TRY(const auto size, segment->size());
    if (ranges.size() == 1 && ranges.front().end >= size) {
      TIDELOG_DO(segment->truncate(ranges.front().begin));
      return segment->sync_data();
    }
    auto shorter_name = root_ / file;
    shorter_name += ".tmp";
    TIDELOG_TRY(const auto shorter, files_.open(shorter_name, io::open_mode::create));
    TIDELOG_DO(shorter->truncate(0));
    std::uint64_t position = 0;
    std::uint64_t kept_to = 0;
    for (const auto& range : ranges) {
      TIDELOG_DO(copy_range(*segment, {kept_to, range.begin}, *shorter, position));
      kept_to = range.end;
    }
    TIDELOG_DO(copy_range(*segment, {std::min(kept_to, size), size}, *shorter, position));
    TIDELOG_DO(shorter->sync_data());
    TIDELOG_DO(files_.rename(shorter_name, root_ / file));
    return sync_folders(file);
  }

  io::file_system& files_;
  const io::path& root_;
  const io::path& aside_;
};

}  // namespace

repair_plan::repair_plan(const std::vector<finding>& findings) {
  for (const auto& found : findings) {
    for (const auto& step : found.steps) {
      auto& file = files_[step.file];
      const bool only_adds_bytes = step.what == action::write_over && !file.ranges.empty();
      if (!only_adds_bytes) file.what = step.what;
      if (step.what == action::replace) file.content = step.content;
      if (step.what == action::write_over) file.overwrites[step.range.begin] = step.content;
      if (step.what == action::remove_range) file.ranges.push_back(step.range);
    }
  }
  for (auto& [name, file] : files_) merge(file.ranges);
}

base::status repair_plan::execute(io::file_system& files, const io::path& root, const io::path& aside) const {
  repairer work(files, root, aside);
  // Indexes go before their segments change, and checkpoints come last: they speak of what then is. A segment that goes on
  // behind a damaged end is begun before that is cut off and no longer tells that it has to be.
  for (const auto what : {action::set_aside, action::begin_segment, action::write_over, action::remove_range,
                          action::replace}) {
    for (const auto& [name, how] : files_)
      if (how.what == what) TIDELOG_DO(work.repair(name, how));
  }
  return {};
}

base::result<io::path> free_repair_folder(io::file_system& files, const io::path& root) {
  const auto now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  const auto stem = fmt::format("tidelog-repair-{:04}{:02}{:02}T{:02}{:02}{:02}Z", utc.tm_year + 1900,
                                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  for (int again = 1;; ++again) {
    // With a '-' before the number it would be a partition's name.
    const io::path name = again == 1 ? stem : fmt::format("{}.{}", stem, again);
    TIDELOG_TRY(const bool taken, files.exists(root / name));
    if (!taken) return name;
  }
}

}  // namespace tidelog::tools
