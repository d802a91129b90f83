#include "record_schema.hpp"

#include "cli_context.hpp"
#include "record_schema_table.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/wire_reader.hpp"

#include <algorithm>
#include <charconv>

namespace tidelog::tools {
namespace {

using nlohmann::json;

// The notation of a schema: fields with ';' between, each
//
//   NAME TYPE [VERSIONS] [?SINCE] [#TAG[@SINCE]]
//
// TYPE is bool, int8 … int64, uint16, uint32, float64, string, bytes, uuid, or {FIELDS}; with [] before it, an array.
// VERSIONS is N+ or N, and every version where it is left out. ?SINCE: may be null (from that version on). #TAG: stands
// in the tagged section, from the version after @, or from the field's first.
struct field {
  std::string_view name;
  std::string_view type;
  std::int16_t least_version = 0;
  std::int16_t newest_version = never_flexible;
  std::int16_t nullable_from = never_flexible;
  std::int16_t tagged_from = never_flexible;
  std::uint32_t tag = 0;
};

std::int16_t number(std::string_view text, std::int16_t otherwise) {
  std::int16_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Splits off the first part of `rest`, up to a `separator` that is not within braces.
std::string_view take_part(std::string_view& rest, char separator) {
  int depth = 0;
  std::size_t at = 0;
  for (; at < rest.size() && (depth > 0 || rest[at] != separator); ++at) {
    if (rest[at] == '{') ++depth;
    if (rest[at] == '}') --depth;
  }
  const auto part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

field parse_field(std::string_view text) {
  field parsed;
  parsed.name = take_part(text, ' ');
  parsed.type = take_part(text, ' ');
  std::optional<std::uint32_t> tag;
  std::int16_t tagged_from = -1;
  while (!text.empty()) {
    auto word = take_part(text, ' ');
    if (word.front() == '?') {
      parsed.nullable_from = number(word.substr(1), 0);
    } else if (word.front() == '#') {
      word.remove_prefix(1);
      tag = static_cast<std::uint32_t>(number(take_part(word, '@'), 0));
      tagged_from = number(word, -1);
    } else {
      parsed.least_version = number(word, 0);
      if (word.back() != '+') parsed.newest_version = parsed.least_version;
    }
  }
  if (tag) {
    parsed.tag = *tag;
    parsed.tagged_from = tagged_from >= 0 ? tagged_from : parsed.least_version;
  }
  return parsed;
}

std::vector<field> parse_fields(std::string_view schema) {
  std::vector<field> fields;
  while (!schema.empty()) fields.push_back(parse_field(take_part(schema, ';')));
  return fields;
}

/// Reads values by their schema. Errors stick to the reader.
class schema_reader {
 public:
  schema_reader(codec::wire_reader& reader, std::int16_t version, bool flexible)
      : reader_(reader), version_(version), flexible_(flexible) {}

  json read_struct(std::string_view schema) {
    const auto fields = parse_fields(schema);
    json document = json::object();
    for (const auto& each : fields) {
      if (!is_there(each) || is_tagged(each) || reader_.failed()) continue;
      document[std::string(each.name)] = read_field(each);
    }
    if (flexible_) read_tagged(fields, document);
    return document;
  }

 private:
  [[nodiscard]] bool is_there(const field& of) const {
    return version_ >= of.least_version && version_ <= of.newest_version;
  }
  [[nodiscard]] bool is_tagged(const field& of) const { return flexible_ && version_ >= of.tagged_from; }

  void read_tagged(const std::vector<field>& fields, json& document) {
    const auto count = reader_.read_unsigned_varint();
    for (std::uint32_t i = 0; i < count && !reader_.failed(); ++i) {
      const auto tag = reader_.read_unsigned_varint();
      const auto size = reader_.read_unsigned_varint();
      const codec::wire_reader::section section(reader_, size);
      const auto known = std::find_if(fields.begin(), fields.end(), [&](const field& each) {
        return is_there(each) && is_tagged(each) && each.tag == tag;
      });
      if (known != fields.end()) {
        document[std::string(known->name)] = read_field(*known);
      } else {
        reader_.skip(reader_.remaining());
      }
    }
  }

  json read_field(const field& of) {
    const bool nullable = version_ >= of.nullable_from;
    if (of.type.starts_with("[]")) return read_array(of.type.substr(2), nullable);
    if (of.type.front() != '{') return read_value(of.type, nullable);
    if (nullable) {
      const auto mark = reader_.read_integer<std::int8_t>();
      if (mark < 0 || (mark == 0 && is_tagged(of))) return nullptr;
    }
    return read_value(of.type, nullable);
  }

  /// Elements of a string or array; nothing for null.
  std::optional<std::size_t> read_count(bool nullable, bool two_bytes) {
    std::int64_t count = 0;
    if (flexible_) {
      count = std::int64_t{reader_.read_unsigned_varint()} - 1;
    } else {
      count = two_bytes ? reader_.read_integer<std::int16_t>() : reader_.read_integer<std::int32_t>();
    }
    if (reader_.failed()) return std::nullopt;
    if (count >= 0) return static_cast<std::size_t>(count);
    if (!nullable) reader_.fail(codec::errc::unexpected_null);
    return std::nullopt;
  }

  json read_array(std::string_view element, bool nullable) {
    const auto count = read_count(nullable, false);
    if (!count) return nullptr;
    json values = json::array();
    if (!reader_.claim_elements(*count, 1)) return values;
    for (std::size_t i = 0; i < *count && !reader_.failed(); ++i)
      values.push_back(read_value(element, false));
    return values;
  }

  json read_value(std::string_view type, bool nullable) {
    if (type.front() == '{') return read_struct(type.substr(1, type.size() - 2));
    if (type == "bool") return reader_.read_integer<std::int8_t>() != 0;
    if (type == "int8") return reader_.read_integer<std::int8_t>();
    if (type == "int16") return reader_.read_integer<std::int16_t>();
    if (type == "uint16") return reader_.read_integer<std::uint16_t>();
    if (type == "int32") return reader_.read_integer<std::int32_t>();
    if (type == "uint32") return reader_.read_integer<std::uint32_t>();
    if (type == "int64") return reader_.read_integer<std::int64_t>();
    if (type == "float64") return reader_.read_double();
    if (type == "uuid") return read_uuid();
    const bool is_text = type == "string";
    const auto size = read_count(nullable, is_text);
    if (!size) return nullptr;
    json holder;
    put_bytes(holder, "text", reader_.read_bytes(*size));
    return holder.front();
  }

  json read_uuid() {
    base::uuid id;
    const auto bytes = reader_.read_bytes(id.bytes.size());
    if (bytes.size() == id.bytes.size()) std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
    return id.text();
  }

  codec::wire_reader& reader_;
  std::int16_t version_;
  bool flexible_;
};

const record_schema* find_schema(record_family family, std::int64_t type) {
  const auto all = schemas_of(family);
  const auto found =
      std::find_if(all.begin(), all.end(), [type](const record_schema& each) { return each.type == type; });
  return found == all.end() ? nullptr : &*found;
}

/// A reader of its own copy: the readers of messages want bytes that may be changed.
class copied_reader {
 public:
  explicit copied_reader(base::byte_view bytes) : copy_(bytes.begin(), bytes.end()), reader(copy_) {}

 private:
  std::vector<std::byte> copy_;

 public:
  codec::wire_reader reader;
};

/// All that is left in `reader`, which ends with the record.
base::result<json> read_whole(codec::wire_reader& reader, const record_schema& schema, std::int16_t version) {
  schema_reader values(reader, version, version >= schema.flexible_from);
  auto document = values.read_struct(schema.fields);
  if (const auto outcome = reader.outcome(); !outcome) {
    return base::fail(model::batch_errc::bad_record_framing, "a record {} of version {}: {}", schema.name,
                      version, outcome.error().describe());
  }
  if (reader.remaining() != 0) {
    return base::fail(model::batch_errc::bad_record_framing,
                      "a record {} of version {}: {} byte(s) behind its end", schema.name, version,
                      reader.remaining());
  }
  return document;
}

base::result<record_knowledge> open_metadata(const model::record_view& record, json& into) {
  if (!record.value) return base::fail(model::batch_errc::bad_record_framing, "a record without a value");
  copied_reader bytes(*record.value);
  const auto frame = bytes.reader.read_unsigned_varint();
  const auto type = bytes.reader.read_unsigned_varint();
  const auto version = bytes.reader.read_unsigned_varint();
  if (bytes.reader.failed() || frame != 1)
    return base::fail(model::batch_errc::bad_record_framing, "not the frame of a metadata record");
  into["type"] = type;
  into["version"] = version;
  const auto* const schema = find_schema(record_family::metadata, type);
  if (schema == nullptr) return record_knowledge::opaque;
  into["name"] = schema->name;
  if (version > static_cast<std::uint32_t>(schema->newest_version)) return record_knowledge::opaque;
  TIDELOG_TRY(into["fields"], read_whole(bytes.reader, *schema, static_cast<std::int16_t>(version)));
  return record_knowledge::opened;
}

base::result<record_knowledge> open_keyed(record_family keys, record_family values,
                                          const model::record_view& record, json& into) {
  if (!record.key) return base::fail(model::batch_errc::bad_record_framing, "a record without a key");
  copied_reader key(*record.key);
  const auto type = key.reader.read_integer<std::int16_t>();
  if (key.reader.failed())
    return base::fail(model::batch_errc::bad_record_framing, "a key of {} byte(s)", record.key->size());
  into["type"] = type;
  const auto* const key_schema = find_schema(keys, type);
  if (key_schema == nullptr) return record_knowledge::opaque;
  into["name"] = key_schema->name;
  TIDELOG_TRY(into["key"], read_whole(key.reader, *key_schema, 0));
  if (!record.value) {
    into["value"] = nullptr;
    return record_knowledge::opened;
  }
  copied_reader value(*record.value);
  const auto version = value.reader.read_integer<std::int16_t>();
  if (value.reader.failed() || version < 0)
    return base::fail(model::batch_errc::bad_record_framing, "a value of {} byte(s)", record.value->size());
  into["version"] = version;
  const auto* schema = find_schema(values, type);
  // Committed offsets under the oldest key may have newer values.
  if (keys == record_family::group_key && type == 0) schema = find_schema(values, 1);
  if (schema == nullptr || version > schema->newest_version) return record_knowledge::opaque;
  TIDELOG_TRY(into["value"], read_whole(value.reader, *schema, version));
  return record_knowledge::opened;
}

}  // namespace

log_content content_of(std::string_view directory_name) {
  const auto topic = directory_name.substr(0, directory_name.rfind('-'));
  if (topic == "__cluster_metadata") return log_content::metadata;
  if (topic == "__consumer_offsets") return log_content::groups;
  if (topic == "__transaction_state") return log_content::transactions;
  if (topic == "__share_group_state") return log_content::share_state;
  return log_content::records;
}

base::result<record_knowledge> open_record(log_content content, const model::record_view& record,
                                           json& into) {
  switch (content) {
    case log_content::metadata:
      return open_metadata(record, into);
    case log_content::groups:
      return open_keyed(record_family::group_key, record_family::group_value, record, into);
    case log_content::transactions:
      return open_keyed(record_family::transaction_key, record_family::transaction_value, record, into);
    case log_content::share_state:
      return open_keyed(record_family::share_state_key, record_family::share_state_value, record, into);
    case log_content::records:
      break;
  }
  return record_knowledge::opaque;
}

base::result<record_knowledge> open_control_record(const model::record_view& record, json& into) {
  TIDELOG_TRY(const auto type, model::parse_control_key(record.key));
  into["type"] = static_cast<int>(type);
  const bool ends_transaction =
      type == model::control_record_type::abort || type == model::control_record_type::commit;
  // Both ends of a transaction have the same fields behind a version of two bytes.
  const auto* const schema =
      find_schema(record_family::control, ends_transaction ? 0 : static_cast<int>(type));
  if (schema == nullptr || !record.value) return record_knowledge::opaque;
  into["name"] = type == model::control_record_type::abort    ? "Abort"
                 : type == model::control_record_type::commit ? "Commit"
                                                              : schema->name;
  copied_reader value(*record.value);
  auto version = value.reader.read_integer<std::int16_t>();
  if (value.reader.failed() || version < 0)
    return base::fail(model::batch_errc::bad_control_record, "a value of {} byte(s)", record.value->size());
  if (version > schema->newest_version) return record_knowledge::opaque;
  TIDELOG_TRY(into["fields"], read_whole(value.reader, *schema, version));
  return record_knowledge::opened;
}

}  // namespace tidelog::tools
