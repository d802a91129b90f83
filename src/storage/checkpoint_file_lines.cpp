#include "checkpoint_file_lines.hpp"

#include "tidelog/storage/storage_error.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

constexpr int checkpoint_version = 0;

}  // namespace

base::result<std::vector<std::string_view>> parse_checkpoint_lines(std::string_view content,
                                                                   const io::path& name) {
  std::vector<std::string_view> lines;
  auto rest = content;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) {
      return base::fail(errc::corrupt_checkpoint, "{}: the last line has no end", name.native());
    }
    auto line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    rest.remove_prefix(end + 1);
  }
  if (lines.size() < 2)
    return base::fail(errc::corrupt_checkpoint, "{}: {} lines", name.native(), lines.size());
  const auto version = parse_natural<std::int32_t>(lines[0]);
  if (!version)
    return base::fail(errc::corrupt_checkpoint, "{}: no version in the first line", name.native());
  if (*version != checkpoint_version) {
    return base::fail(errc::unknown_format_version, "{}: version {}", name.native(), *version);
  }
  const auto count = parse_natural<std::int32_t>(lines[1]);
  if (!count) return base::fail(errc::corrupt_checkpoint, "{}: no count in the second line", name.native());
  lines.erase(lines.begin(), lines.begin() + 2);
  if (static_cast<std::size_t>(*count) != lines.size()) {
    return base::fail(errc::corrupt_checkpoint, "{}: {} entries announced, {} there", name.native(), *count,
                      lines.size());
  }
  return lines;
}

std::string begin_checkpoint(std::size_t entries) {
  return fmt::format("{}\n{}\n", checkpoint_version, entries);
}

std::vector<std::string_view> split_words(std::string_view line) {
  constexpr std::string_view blanks = " \t";
  std::vector<std::string_view> words;
  for (auto begin = line.find_first_not_of(blanks); begin != std::string_view::npos;
       begin = line.find_first_not_of(blanks, begin)) {
    const auto end = std::min(line.find_first_of(blanks, begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

}  // namespace tidelog::storage
