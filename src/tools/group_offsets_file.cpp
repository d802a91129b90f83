#include "group_offsets_file.hpp"

#include <algorithm>
#include <charconv>

namespace tidelog::tools {
namespace {

constexpr std::string_view what_rows_are = "topic,partition,offset or group,topic,partition,offset";

template <class... Args>
auto refuse(std::size_t line, fmt::format_string<Args...> format, Args&&... args) {
  return base::fail(std::make_error_code(std::errc::invalid_argument), "line {}: {}", line,
                    fmt::format(format, std::forward<Args>(args)...));
}

bool is_plain(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '.' || letter == '_' || letter == '-';
}

void write_field(std::string& into, std::string_view field) {
  if (!field.empty() && std::all_of(field.begin(), field.end(), is_plain)) {
    into += field;
    return;
  }
  into += '"';
  for (const char letter : field) {
    if (letter == '"') into += '"';
    into += letter;
  }
  into += '"';
}

/// The fields of one row after the other.
class row_reader {
 public:
  explicit row_reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  /// Of the row read last.
  [[nodiscard]] std::size_t line() const { return line_; }

  base::result<std::vector<std::string>> next() {
    line_ = next_line_;
    std::vector<std::string> fields;
    for (;;) {
      TIDELOG_TRY(auto field, next_field());
      fields.push_back(std::move(field));
      if (take(',')) continue;
      take('\r');
      if (rest_.empty() || take('\n')) break;
      return refuse(line_, "a comma is missing behind \"{}\"", fields.back());
    }
    ++next_line_;
    return fields;
  }

 private:
  bool take(char letter) {
    if (!rest_.starts_with(letter)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  base::result<std::string> next_field() {
    if (take('"')) return quoted();
    const auto end = std::min(rest_.find_first_of(",\"\r\n"), rest_.size());
    std::string field(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return field;
  }

  base::result<std::string> quoted() {
    std::string field;
    for (;;) {
      const auto end = rest_.find('"');
      if (end == std::string_view::npos) return refuse(line_, "a quote is not closed");
      field += rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      if (!take('"')) break;
      field += '"';
    }
    next_line_ += static_cast<std::size_t>(std::count(field.begin(), field.end(), '\n'));
    return field;
  }

  std::string_view rest_;
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
};

template <class Number>
base::result<Number> number_of(std::size_t line, std::string_view text, std::string_view what) {
  Number value{};
  const auto* end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc{} || rest != end || value < 0) return refuse(line, "\"{}\" is no {}", text, what);
  return value;
}

}  // namespace

std::string write_group_offsets(std::span<const group_offset_row> rows) {
  std::string text;
  for (const auto& row : rows) {
    if (row.group) {
      write_field(text, *row.group);
      text += ',';
    }
    write_field(text, row.at.topic);
    text += fmt::format(",{},{}\n", row.at.partition.value(), row.offset.value());
  }
  return text;
}

base::result<std::vector<group_offset_row>> read_group_offsets(std::string_view text) {
  std::vector<group_offset_row> rows;
  row_reader reader(text);
  while (!reader.at_end()) {
    TIDELOG_TRY(auto fields, reader.next());
    const auto line = reader.line();
    if (fields.size() == 1 && fields[0].empty()) continue;
    if (fields.size() != 3 && fields.size() != 4)
      return refuse(line, "{} fields; rows are {}", fields.size(), what_rows_are);
    group_offset_row row;
    const std::size_t first = fields.size() - 3;
    if (first == 1) row.group = std::move(fields[0]);
    if (!rows.empty() && rows.front().group.has_value() != row.group.has_value())
      return refuse(line, "rows with a group and rows without do not go together");
    TIDELOG_TRY(const auto index, number_of<std::int32_t>(line, fields[first + 1], "partition"));
    TIDELOG_TRY(const auto offset, number_of<std::int64_t>(line, fields[first + 2], "offset"));
    if (fields[first].empty()) return refuse(line, "the topic is missing");
    row.at = {std::move(fields[first]), model::partition_index(index)};
    row.offset = model::offset(offset);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace tidelog::tools
