#include "tidelog/storage/checkpoint_file.hpp"

#include "checkpoint_file_lines.hpp"

#include "tidelog/base/quoted.hpp"
#include "tidelog/storage/storage_error.hpp"

namespace tidelog::storage {

void offset_checkpoint_text::add(const model::topic_partition& partition, model::offset at) {
  ++entries_;
  lines_ += fmt::format("{} {} {}\n", partition.topic, partition.partition.value(), at.value());
}

std::string offset_checkpoint_text::take() && {
  lines_.insert(0, begin_checkpoint(entries_));
  return std::move(lines_);
}

std::string format_offset_checkpoint(const partition_offsets& offsets) {
  offset_checkpoint_text text;
  for (const auto& [partition, offset] : offsets) text.add(partition, offset);
  return std::move(text).take();
}

base::result<partition_offsets> parse_offset_checkpoint(std::string_view content, const io::path& name) {
  TIDELOG_TRY(const auto lines, parse_checkpoint_lines(content, name));
  partition_offsets offsets;
  for (const auto line : lines) {
    const auto words = split_words(line);
    const auto partition = words.size() == 3 ? parse_natural<std::int32_t>(words[1]) : std::nullopt;
    const auto offset = words.size() == 3 ? parse_natural<std::int64_t>(words[2]) : std::nullopt;
    if (!partition || !offset) {
      return base::fail(errc::corrupt_checkpoint, "{}: {} is no topic, partition and offset", name.native(),
                        base::quoted(line));
    }
    offsets.insert_or_assign({std::string(words[0]), model::partition_index(*partition)},
                             model::offset(*offset));
  }
  return offsets;
}

base::result<partition_offsets> read_offset_checkpoint(io::file_system& files, const io::path& name) {
  auto content = io::read_file(files, name, most_checkpoint_bytes);
  if (!content) {
    if (content.error().code == std::errc::no_such_file_or_directory) return partition_offsets{};
    return base::forward_error(content);
  }
  if (content->empty()) return partition_offsets{};
  return parse_offset_checkpoint(base::as_text(*content), name);
}

base::status write_offset_checkpoint(io::file_system& files, const io::path& name,
                                     const partition_offsets& offsets) {
  return io::replace_file(files, name, base::as_bytes(format_offset_checkpoint(offsets)));
}

}  // namespace tidelog::storage
