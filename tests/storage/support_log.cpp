#include "support_log.hpp"

namespace tidelog::test {

log_world::log_world(io::file_system& on, std::size_t most_open_files)
    : files(on), open_files(most_open_files) {
  EXPECT_TRUE(files.make_directories(directory.parent_path()));
  EXPECT_TRUE(files.sync_directory("/"));
}

base::result<std::unique_ptr<storage::log>> log_world::try_open(const storage::log_config& config,
                                                                const storage::log_open_options& options) {
  return storage::log::open(environment(), directory, std::make_shared<const storage::log_config>(config),
                            options);
}

std::unique_ptr<storage::log> log_world::open(const storage::log_config& config,
                                              const storage::log_open_options& options) {
  auto opened = try_open(config, options);
  if (!opened) throw std::runtime_error(opened.error().describe());
  return std::move(*opened);
}

std::unique_ptr<storage::log> log_world::open_clean(const storage::log_config& config) {
  return open(config, {.start = storage::start_kind::clean});
}

std::vector<std::byte> make_batch(const batch_spec& spec) {
  model::record_batch_fields fields;
  if (spec.producer_id >= 0) {
    fields.producer_id = model::producer_id(spec.producer_id);
    fields.producer_epoch = model::producer_epoch(spec.producer_epoch);
    fields.base_sequence = model::sequence(spec.sequence);
  }
  model::record_batch_builder builder(fields);
  const std::string value = spec.value.empty() ? std::string(spec.value_bytes, 'v') : spec.value;
  for (int record = 0; record < spec.records; ++record) {
    builder.add(model::timestamp(spec.timestamp + record), std::nullopt, base::as_bytes(value));
  }
  return builder.build();
}

std::size_t batch_bytes(std::size_t value_bytes) {
  return make_batch({.value_bytes = value_bytes}).size();
}

storage::appended append(storage::log& to, const batch_spec& spec, int epoch) {
  auto batch = make_batch(spec);
  auto outcome = to.append(batch, {.leader_epoch = model::leader_epoch(epoch)});
  if (!outcome) {
    ADD_FAILURE() << outcome.error().describe();
    return {};
  }
  return *outcome;
}

base::status wait_committed(storage::log& of, model::offset end) {
  std::promise<base::status> reached;
  auto future = reached.get_future();
  of.when_committed(end, [&](base::status outcome) { reached.set_value(std::move(outcome)); });
  return future.get();
}

std::vector<std::byte> bytes_of(const storage::read_slice& slice) {
  std::vector<std::byte> bytes(slice.data.length);
  if (!slice.data.source) return bytes;
  const auto got = slice.data.source->read_at(bytes, slice.data.position);
  EXPECT_TRUE(got);
  EXPECT_EQ(*got, bytes.size());
  return bytes;
}

std::vector<std::int64_t> offsets_of(const storage::read_slice& slice) {
  const auto bytes = bytes_of(slice);
  std::vector<std::int64_t> offsets;
  base::byte_view rest(bytes);
  while (!rest.empty()) {
    const auto batch = model::parse_record_batch(rest);
    if (!batch) {
      ADD_FAILURE() << batch.error().describe();
      return offsets;
    }
    EXPECT_TRUE(model::verify_crc(*batch));
    offsets.push_back(batch->base_offset().value());
    rest = rest.subspan(batch->size_bytes());
  }
  return offsets;
}

std::vector<std::byte> read_all(storage::log& from_log, model::offset from, storage::read_bound bound,
                                std::uint64_t max_bytes) {
  std::vector<std::byte> all;
  while (true) {
    auto slice = from_log.read(from, {.max_bytes = max_bytes}, bound);
    if (!slice) {
      ADD_FAILURE() << slice.error().describe();
      return all;
    }
    if (slice->data.length == 0) return all;
    const auto bytes = bytes_of(*slice);
    all.insert(all.end(), bytes.begin(), bytes.end());
    EXPECT_GT(slice->next_offset, from);
    from = slice->next_offset;
  }
}

}  // namespace tidelog::test
