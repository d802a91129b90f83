#include "tidelog/tools/record_format.hpp"

#include <charconv>

namespace tidelog::tools {
namespace {

constexpr std::string_view letters = "kvKVtpoTh";

auto refuse(std::string_view text, std::string_view why) {
  return base::fail(std::make_error_code(std::errc::invalid_argument), "\"{}\": {}", text, why);
}

/// What a backslash at `at` stands for; moves `at` to its last character.
base::result<char> escaped(std::string_view text, std::size_t& at) {
  if (at + 1 == text.size()) return refuse(text, "a backslash at the end");
  switch (text[++at]) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    case '\\':
      return '\\';
    case 'x': {
      unsigned char byte = 0;
      const auto digits = text.substr(at + 1, 2);
      const auto* end = digits.data() + digits.size();
      if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end)
        return refuse(text, "\\x wants two hexadecimal digits");
      at += 2;
      return static_cast<char>(byte);
    }
    default:
      return refuse(text, "unknown backslash sequence; there are \\n \\t \\r \\0 \\\\ \\xHH");
  }
}

void append_headers(const model::record_view& record, std::string& into) {
  model::record_header_reader headers(record);
  bool first = true;
  while (const auto header = headers.next()) {
    if (!first) into += ',';
    first = false;
    into += base::as_text(header->key);
    into += '=';
    if (header->value) into += base::as_text(*header->value);
  }
}

std::string size_text(const model::nullable_bytes& bytes) {
  return bytes ? std::to_string(bytes->size()) : "-1";
}

}  // namespace

base::result<std::string> unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      plain += text[at];
      continue;
    }
    TIDELOG_TRY(const char byte, escaped(text, at));
    plain += byte;
  }
  return plain;
}

void record_format::add_literal(char byte) {
  if (pieces_.empty() || pieces_.back().kind != 0) pieces_.push_back({0, {}});
  pieces_.back().text += byte;
}

base::result<record_format> record_format::parse(std::string_view text) {
  record_format format;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      TIDELOG_TRY(const char byte, escaped(text, at));
      format.add_literal(byte);
    } else if (text[at] != '%') {
      format.add_literal(text[at]);
    } else if (at + 1 == text.size()) {
      return refuse(text, "a % at the end; write %% for a percent sign");
    } else if (const char letter = text[++at]; letter == '%') {
      format.add_literal('%');
    } else if (letters.find(letter) != std::string_view::npos) {
      format.pieces_.push_back({letter, {}});
    } else {
      return refuse(text, fmt::format("%{} is unknown; there are %k %v %K %V %t %p %o %T %h %%", letter));
    }
  }
  return format;
}

void record_format::print(const printed_record& record, std::string& into) const {
  for (const auto& part : pieces_) {
    switch (part.kind) {
      case 'k':
        if (record.record.key) into += base::as_text(*record.record.key);
        break;
      case 'v':
        if (record.record.value) into += base::as_text(*record.record.value);
        break;
      case 'K':
        into += size_text(record.record.key);
        break;
      case 'V':
        into += size_text(record.record.value);
        break;
      case 't':
        into += record.topic;
        break;
      case 'p':
        into += std::to_string(record.partition.value());
        break;
      case 'o':
        into += std::to_string(record.offset.value());
        break;
      case 'T':
        into += std::to_string(record.timestamp.value());
        break;
      case 'h':
        append_headers(record.record, into);
        break;
      default:
        into += part.text;
    }
  }
}

}  // namespace tidelog::tools
