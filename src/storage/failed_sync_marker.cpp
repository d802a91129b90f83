#include "tidelog/storage/failed_sync_marker.hpp"

#include "checkpoint_file_lines.hpp"

#include "tidelog/base/log_message.hpp"

namespace tidelog::storage {
namespace {

/// One number; whatever is larger is something else.
constexpr std::uint64_t most_marker_bytes = 64;

}  // namespace

base::status write_failed_sync_marker(io::file_system& files, const io::path& log_directory,
                                      model::offset on_disk_below) {
  const auto text = std::to_string(on_disk_below.value());
  TIDELOG_TRY(const auto file, files.open(log_directory / failed_sync_marker_name, io::open_mode::create));
  TIDELOG_DO(file->truncate(0));
  return file->write_at(base::as_bytes(text), 0);
}

base::result<std::optional<model::offset>> read_failed_sync_marker(io::file_system& files,
                                                                   const io::path& log_directory) {
  const auto name = log_directory / failed_sync_marker_name;
  TIDELOG_TRY(const bool is_there, files.exists(name));
  if (!is_there) return std::nullopt;
  const auto content = io::read_file(files, name, most_marker_bytes);
  const auto offset = content ? parse_natural<std::int64_t>(base::as_text(*content)) : std::nullopt;
  if (!offset) base::say_warning("{} makes no sense: nothing of the log is taken for synced", name.native());
  return model::offset(offset.value_or(0));
}

base::status remove_failed_sync_marker(io::file_system& files, const io::path& log_directory) {
  return files.remove_file(log_directory / failed_sync_marker_name);
}

}  // namespace tidelog::storage
