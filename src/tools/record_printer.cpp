#include "record_printer.hpp"

#include <nlohmann/json.hpp>

namespace tidelog::tools {

using nlohmann::json;

base::status record_printer::add(const client::fetched_record& record) {
  if (output_ == output_format::json) {
    append_json(record);
  } else {
    format_.print({record.at.topic, record.at.partition, record.offset, record.timestamp, record.record},
                  text_);
  }
  ++count_;
  constexpr std::size_t enough = 256 * 1024;
  return text_.size() >= enough ? flush() : base::status{};
}

base::status record_printer::flush() {
  auto printed = text_.empty() ? base::status{} : print_text(text_);
  text_.clear();
  return printed;
}

void record_printer::append_json(const client::fetched_record& record) {
  json document{{"topic", record.at.topic},
                {"partition", record.at.partition.value()},
                {"offset", record.offset.value()},
                {"timestamp", record.timestamp.value()}};
  const auto put = [](json& into, const std::string& name, const model::nullable_bytes& bytes) {
    if (bytes) {
      put_bytes(into, name, *bytes);
    } else {
      into[name] = nullptr;
    }
  };
  put(document, "key", record.record.key);
  put(document, "value", record.record.value);
  json headers = json::array();
  model::record_header_reader reader(record.record);
  while (const auto header = reader.next()) {
    json one;
    put_bytes(one, "name", header->key);
    put(one, "value", header->value);
    headers.push_back(std::move(one));
  }
  if (!headers.empty()) document["headers"] = std::move(headers);
  text_ += document.dump();
  text_ += '\n';
}

}  // namespace tidelog::tools
