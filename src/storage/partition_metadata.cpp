#include "tidelog/storage/partition_metadata.hpp"

#include "checkpoint_file_lines.hpp"

#include "tidelog/base/quoted.hpp"
#include "tidelog/storage/storage_error.hpp"

namespace tidelog::storage {
namespace {

constexpr int metadata_version = 0;
constexpr std::string_view version_key = "version: ";
constexpr std::string_view topic_id_key = "topic_id: ";
/// Two short lines; whatever is larger is something else.
constexpr std::uint64_t most_metadata_bytes = 4096;

}  // namespace

std::string format_partition_metadata(const model::topic_id& id) {
  return fmt::format("{}{}\n{}{}", version_key, metadata_version, topic_id_key, id.text());
}

base::result<model::topic_id> parse_partition_metadata(std::string_view content, const io::path& name) {
  if (content.ends_with('\n')) content.remove_suffix(1);
  const auto line_end = content.find('\n');
  if (line_end == std::string_view::npos || !content.starts_with(version_key)) {
    return base::fail(errc::corrupt_partition_metadata, "{}: no version and topic id", name.native());
  }
  const auto version = parse_natural<std::int32_t>(content.substr(0, line_end).substr(version_key.size()));
  if (!version) return base::fail(errc::corrupt_partition_metadata, "{}: no version", name.native());
  if (*version != metadata_version) {
    return base::fail(errc::unknown_format_version, "{}: version {}", name.native(), *version);
  }
  const auto id_line = content.substr(line_end + 1);
  if (!id_line.starts_with(topic_id_key)) {
    return base::fail(errc::corrupt_partition_metadata, "{}: no topic id", name.native());
  }
  const auto id = base::parse_uuid(id_line.substr(topic_id_key.size()));
  if (!id || id->is_zero()) {
    return base::fail(errc::corrupt_partition_metadata, "{}: {} names no topic", name.native(),
                      base::quoted(id_line));
  }
  return *id;
}

base::result<model::topic_id> read_partition_metadata(io::file_system& files,
                                                      const io::path& partition_directory) {
  const auto name = partition_directory / partition_metadata_name;
  TIDELOG_TRY(const auto content, io::read_file(files, name, most_metadata_bytes));
  return parse_partition_metadata(base::as_text(content), name);
}

base::status write_partition_metadata(io::file_system& files, const io::path& partition_directory,
                                      const model::topic_id& id) {
  return io::replace_file(files, partition_directory / partition_metadata_name,
                          base::as_bytes(format_partition_metadata(id)));
}

}  // namespace tidelog::storage
