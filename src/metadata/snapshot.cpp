#include "snapshot.hpp"

#include "image_builder.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/model/record_batch_builder.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace tidelog::metadata {
namespace {

constexpr std::size_t most_batch_bytes = 1024 * 1024;
constexpr std::uint64_t most_snapshot_bytes = 4ULL * 1024 * 1024 * 1024;
constexpr std::string_view suffix = ".checkpoint";
constexpr std::size_t offset_digits = 20;
constexpr std::size_t epoch_digits = 10;

/// SnapshotHeaderRecord and SnapshotFooterRecord, version 0: their version, the first one's last timestamp, no tags.
std::vector<std::byte> snapshot_header_value(base::unix_ms last_timestamp_ms) {
  std::vector<std::byte> value(11);
  base::store_big_endian<std::int16_t>(value.data(), 0);
  base::store_big_endian<std::int64_t>(value.data() + 2, last_timestamp_ms);
  return value;
}
constexpr std::array<std::byte, 3> snapshot_footer_value{};

register_broker_record record_of(const broker_registration& broker) {
  register_broker_record made;
  made.broker_id = broker.id;
  made.incarnation_id = broker.incarnation;
  made.broker_epoch = broker.epoch;
  for (const auto& endpoint : broker.endpoints) {
    made.end_points.push_back({endpoint.listener, endpoint.host, endpoint.port, endpoint.security_protocol});
  }
  made.features = supported_features();
  made.rack = broker.rack;
  made.fenced = broker.fenced;
  made.log_dirs = broker.directories;
  return made;
}

partition_record record_of(const topic_state& topic, const partition_state& state) {
  partition_record made;
  made.partition_id = state.index.value();
  made.topic_id = topic.id;
  made.replicas = state.placement->replicas;
  made.isr = state.placement->isr;
  made.leader = state.leader;
  made.leader_epoch = state.epoch.value();
  made.partition_epoch = state.partition_epoch;
  made.directories = state.placement->directories;
  return made;
}

base::result<image> load(io::file_system& files, const io::path& file, const snapshot_name& name) {
  TIDELOG_TRY(std::vector<std::byte> content, io::read_file(files, file, most_snapshot_bytes));
  image_builder builder{image{}};
  base::byte_view rest(content);
  bool complete = false;
  while (!rest.empty()) {
    auto batch = model::parse_record_batch(rest);
    if (!batch) return base::fail(errc::corrupt_snapshot, "{}: {}", file.string(), batch.error().describe());
    if (batch->is_control()) {
      TIDELOG_DO(model::verify_crc(*batch));
      model::record_reader reader(batch->records(), batch->record_count());
      TIDELOG_TRY(const auto only, reader.next());
      if (!only) return base::fail(errc::corrupt_snapshot, "{}: an empty control batch", file.string());
      TIDELOG_TRY(const auto kind, model::parse_control_key(only->key));
      complete = kind == model::control_record_type::snapshot_footer;
    } else {
      TIDELOG_DO(for_each_record(*batch, [&](const record& of) { return builder.apply(of); }));
    }
    rest = rest.subspan(batch->size_bytes());
  }
  if (!complete) return base::fail(errc::corrupt_snapshot, "{} has no footer", file.string());
  builder.reached(name.end - 1, name.epoch);
  return *builder.build();
}

base::result<std::vector<snapshot_name>> list_snapshots(io::file_system& files, const io::path& directory) {
  TIDELOG_TRY(const auto entries, files.list(directory));
  std::vector<snapshot_name> found;
  for (const auto& entry : entries) {
    if (const auto name = parse_snapshot_file_name(entry.name)) found.push_back(*name);
  }
  std::sort(found.begin(), found.end(), [](const auto& left, const auto& right) {
    return std::pair(left.end, left.epoch) > std::pair(right.end, right.epoch);
  });
  return found;
}

}  // namespace

std::string snapshot_file_name(const snapshot_name& of) {
  return fmt::format("{:020}-{:010}{}", of.end.value(), of.epoch.value(), suffix);
}

std::optional<snapshot_name> parse_snapshot_file_name(std::string_view name) {
  if (name.size() != offset_digits + 1 + epoch_digits + suffix.size() || !name.ends_with(suffix)) return {};
  if (name[offset_digits] != '-') return {};
  std::int64_t end = 0;
  std::int32_t epoch = 0;
  const auto* const text = name.data();
  const auto first = std::from_chars(text, text + offset_digits, end);
  const auto* const epoch_text = text + offset_digits + 1;
  const auto second = std::from_chars(epoch_text, epoch_text + epoch_digits, epoch);
  if (first.ec != std::errc{} || first.ptr != text + offset_digits) return {};
  if (second.ec != std::errc{} || second.ptr != epoch_text + epoch_digits) return {};
  return snapshot_name{model::offset(end), model::leader_epoch(epoch)};
}

std::vector<record> records_of(const image& of) {
  std::vector<record> all;
  // The metadata version comes first: it says how to read what follows.
  for (const auto& [name, level] : of.features()) {
    if (name == "metadata.version") all.emplace_back(feature_level_record{name, level});
  }
  for (const auto& [name, level] : of.features()) {
    if (name != "metadata.version") all.emplace_back(feature_level_record{name, level});
  }
  for (const auto& [id, broker] : of.brokers()) all.emplace_back(record_of(broker));
  for (const auto& topic : of.topics()) {
    all.emplace_back(topic_record{topic->name, topic->id});
    for (const auto& state : topic->partitions) all.emplace_back(record_of(*topic, state));
  }
  for (const auto& target : of.configured_resources()) {
    for (const auto& [name, value] : *of.config(target)) {
      all.emplace_back(config_record{static_cast<std::int8_t>(target.type), target.name, name, value});
    }
  }
  if (of.next_producer_id().value() > 0) {
    producer_ids_record ids;
    ids.next_producer_id = of.next_producer_id().value();
    if (!of.brokers().empty()) {
      ids.broker_id = of.brokers().begin()->second.id;
      ids.broker_epoch = of.brokers().begin()->second.epoch;
    }
    all.emplace_back(ids);
  }
  for (const auto& kept : of.kept()) all.emplace_back(kept);
  return all;
}

base::status write_snapshot(io::file_system& files, const io::path& directory, const image& of,
                            base::unix_ms now_ms) {
  const snapshot_name name{of.last_offset() + 1, of.last_epoch()};
  auto content = make_control_batch(model::control_record_type::snapshot_header,
                                    snapshot_header_value(now_ms), model::offset(0), name.epoch, now_ms);
  const auto records = records_of(of);
  for (const auto& batch : make_batches(records, model::offset(1), name.epoch, now_ms)) {
    content.insert(content.end(), batch.begin(), batch.end());
  }
  const auto footer =
      make_control_batch(model::control_record_type::snapshot_footer, snapshot_footer_value,
                         model::offset(static_cast<std::int64_t>(records.size()) + 1), name.epoch, now_ms);
  content.insert(content.end(), footer.begin(), footer.end());
  return io::replace_file(files, directory / snapshot_file_name(name), content);
}

base::result<std::optional<image>> load_newest_snapshot(io::file_system& files, const io::path& directory) {
  TIDELOG_TRY(const auto names, list_snapshots(files, directory));
  for (const auto& name : names) {
    auto loaded = load(files, directory / snapshot_file_name(name), name);
    if (loaded) return std::optional<image>(std::move(*loaded));
    base::say_warning("metadata snapshot passed over: {}", loaded.error().describe());
  }
  return std::optional<image>{};
}

base::status remove_old_snapshots(io::file_system& files, const io::path& directory, std::size_t keep) {
  TIDELOG_TRY(const auto names, list_snapshots(files, directory));
  for (std::size_t i = keep; i < names.size(); ++i) {
    TIDELOG_DO(files.remove_file(directory / snapshot_file_name(names[i])));
  }
  return {};
}

base::status for_each_record(const model::record_batch_view& batch,
                             const std::function<base::status(record)>& take) {
  TIDELOG_DO(model::verify_crc(batch));
  if (batch.is_control()) return {};
  if (batch.compression() != model::compression_type::none) {
    return base::fail(errc::corrupt_metadata, "a compressed batch at offset {}", batch.base_offset().value());
  }
  model::record_reader reader(batch.records(), batch.record_count());
  while (true) {
    TIDELOG_TRY(const auto next, reader.next());
    if (!next) return {};
    if (!next->value) return base::fail(errc::corrupt_metadata, "a record without value");
    TIDELOG_TRY(record decoded, decode_record(*next->value));
    TIDELOG_DO(take(std::move(decoded)));
  }
}

std::vector<std::vector<std::byte>> make_batches(const std::vector<record>& records, model::offset first,
                                                 model::leader_epoch epoch, base::unix_ms now_ms) {
  std::vector<std::vector<std::byte>> batches;
  model::record_batch_fields fields;
  fields.partition_leader_epoch = epoch;
  fields.base_offset = first;
  model::record_batch_builder builder(fields);
  const auto finish = [&] {
    if (builder.record_count() == 0) return;
    fields.base_offset += builder.record_count();
    batches.push_back(builder.build());
    builder = model::record_batch_builder(fields);
  };
  for (const auto& of : records) {
    const auto value = encode_record(of);
    if (builder.size_bytes() + value.size() > most_batch_bytes) finish();
    builder.add(model::timestamp(now_ms), std::nullopt, base::byte_view(value));
  }
  finish();
  return batches;
}

std::vector<std::byte> make_control_batch(model::control_record_type kind, base::byte_view value,
                                          model::offset at, model::leader_epoch epoch, base::unix_ms now_ms) {
  model::record_batch_fields fields;
  fields.base_offset = at;
  fields.partition_leader_epoch = epoch;
  fields.attributes = model::batch_attribute::control;
  model::record_batch_builder builder(fields);
  const auto key = model::encode_control_key(kind);
  builder.add(model::timestamp(now_ms), base::byte_view(key), value);
  return builder.build();
}

}  // namespace tidelog::metadata
