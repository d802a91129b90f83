// Whatever stands in the small files of a data directory: what is understood comes back the same when it is written
// again, and whatever an index or a snapshot says, every record of the log beside it is still found.
//
// Input: one byte that says which file, one that says how the log was left (for files of a log), then the content.

#include "support/fault_file_system.hpp"
#include "support/manual_clock.hpp"

#include "tidelog/base/crc32c.hpp"
#include "tidelog/base/log_message.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/log.hpp"
#include "tidelog/storage/meta_properties.hpp"
#include "tidelog/storage/partition_metadata.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

namespace base = tidelog::base;
namespace io = tidelog::io;
namespace model = tidelog::model;
namespace storage = tidelog::storage;
namespace test = tidelog::test;

/// A property that must hold for any input; libFuzzer reports the abort with the input that led to it.
void require(bool holds) {
  if (!holds) std::abort();
}

void try_checkpoint(base::byte_view content) {
  const auto parsed = storage::parse_offset_checkpoint(base::as_text(content), "checkpoint");
  if (!parsed) return;
  const auto again =
      storage::parse_offset_checkpoint(storage::format_offset_checkpoint(*parsed), "checkpoint");
  require(again && *again == *parsed);
}

void try_meta_properties(base::byte_view content) {
  const auto parsed = storage::parse_meta_properties(base::as_text(content), "meta.properties");
  if (!parsed) return;
  const auto again =
      storage::parse_meta_properties(storage::format_meta_properties(*parsed), "meta.properties");
  require(again && *again == *parsed);
}

void try_partition_metadata(base::byte_view content) {
  const auto parsed = storage::parse_partition_metadata(base::as_text(content), "partition.metadata");
  if (!parsed) return;
  const auto again =
      storage::parse_partition_metadata(storage::format_partition_metadata(*parsed), "partition.metadata");
  require(again && *again == *parsed);
}

/// The checksum is put right, or hardly any input would get past it.
std::vector<std::byte> sealed_snapshot(base::byte_view content) {
  std::vector<std::byte> sealed(content.begin(), content.end());
  if (sealed.size() >= 6)
    base::store_big_endian(sealed.data() + 2, base::crc32c(base::byte_view(sealed).subspan(6)));
  return sealed;
}

void try_snapshot(base::byte_view content) {
  const auto sealed = sealed_snapshot(content);
  const auto parsed = storage::decode_producer_snapshot(sealed, "snapshot");
  if (!parsed) return;
  const auto again =
      storage::decode_producer_snapshot(storage::encode_producer_snapshot(*parsed), "snapshot");
  require(again && *again == *parsed);
}

void try_epochs(base::byte_view content) {
  test::fault_file_system files;
  require(
      io::replace_file(files, io::path("/") / storage::leader_epoch_cache::file_name, content).has_value());
  storage::leader_epoch_cache epochs;
  if (!epochs.load(files, "/")) {
    require(epochs.entries().empty());
    return;
  }
  for (std::size_t i = 1; i < epochs.entries().size(); ++i) {
    require(epochs.entries()[i - 1].epoch < epochs.entries()[i].epoch);
    require(epochs.entries()[i - 1].start_offset < epochs.entries()[i].start_offset);
  }
  epochs.truncate_from_start(model::offset(3));
  epochs.truncate_from_end(model::offset(9));
}

constexpr std::int64_t batch_count = 12;
constexpr std::int64_t first_timestamp = 1'700'000'000'000;

storage::log_config small_segments() {
  storage::log_config config;
  config.segment_bytes = 400;
  config.index_interval_bytes = 1;
  config.flush_messages = storage::never_flush;
  return config;
}

/// A log of a few one-record batches in several segments.
class log_with_a_strange_file {
 public:
  log_with_a_strange_file() {
    require(files_.make_directories("/data").has_value());
    auto log = open(storage::start_kind::clean);
    for (std::int64_t i = 0; i < batch_count; ++i) {
      model::record_batch_fields fields;
      fields.producer_id = model::producer_id(7);
      fields.producer_epoch = model::producer_epoch(0);
      fields.base_sequence = model::sequence(static_cast<std::int32_t>(i));
      model::record_batch_builder builder(fields);
      builder.add(model::timestamp(first_timestamp + i), std::nullopt, base::as_bytes("value"));
      auto batch = builder.build();
      require(log->append(batch, {}).has_value());
    }
    require(log->close(storage::close_kind::clean).has_value());
  }

  /// Puts `content` into the `which`th file with that ending.
  void replace(std::string_view ending, std::size_t which, base::byte_view content) {
    const auto listed = files_.list(directory);
    std::vector<std::string> names;
    for (const auto& entry : *listed) {
      if (entry.name.ends_with(ending)) names.push_back(entry.name);
    }
    require(!names.empty());
    std::sort(names.begin(), names.end());
    require(io::replace_file(files_, directory / names[which % names.size()], content).has_value());
  }

  void check(storage::start_kind start) {
    const auto log = open(start);
    require(log->log_end_offset() == model::offset(batch_count));
    for (std::int64_t i = 0; i < batch_count; ++i) {
      const auto slice = log->read(model::offset(i), {.max_bytes = 1}, storage::read_bound::log_end());
      require(slice && slice->next_offset == model::offset(i + 1));
      const auto found = log->offset_for_timestamp(model::timestamp(first_timestamp + i));
      require(found && *found && (*found)->offset == model::offset(i));
    }
    require(!*log->offset_for_timestamp(model::timestamp(first_timestamp + batch_count)));
    const auto largest = log->max_timestamp_offset();
    require(largest && *largest && (*largest)->offset == model::offset(batch_count - 1));
    require(log->close(storage::close_kind::clean).has_value());
  }

 private:
  static constexpr const char* directory_name = "/data/t-0";
  const io::path directory{directory_name};

  std::unique_ptr<storage::log> open(storage::start_kind start) {
    storage::log_open_options options;
    options.start = start;
    auto opened = storage::log::open({files_, open_files_, commits(), clock_}, directory,
                                     std::make_shared<const storage::log_config>(small_segments()), options);
    require(opened.has_value());
    return std::move(*opened);
  }
  /// Its threads are made once for all inputs.
  static storage::group_commit& commits() {
    static storage::group_commit shared(1);
    return shared;
  }

  test::fault_file_system files_;
  test::manual_clock clock_;
  storage::open_file_cache open_files_{16};
};

void try_in_log(std::string_view ending, base::byte_view content) {
  if (content.empty()) return;
  const auto how = std::to_integer<unsigned>(content[0]);
  content = content.subspan(1);
  log_with_a_strange_file log;
  const auto sealed = sealed_snapshot(content);
  log.replace(ending, how >> 1, ending == ".snapshot" ? base::byte_view(sealed) : content);
  log.check((how & 1) == 0 ? storage::start_kind::clean : storage::start_kind::unclean);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  // Damage is reported line by line, which is right for an operator and too much here.
  base::set_message_sink([](base::severity, std::string_view) {}, base::severity::error);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::byte_view content(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      try_checkpoint(content);
      break;
    case 1:
      try_meta_properties(content);
      break;
    case 2:
      try_partition_metadata(content);
      break;
    case 3:
      try_snapshot(content);
      break;
    case 4:
      try_epochs(content);
      break;
    case 5:
      try_in_log(".index", content);
      break;
    case 6:
      try_in_log(".timeindex", content);
      break;
    default:
      try_in_log(".snapshot", content);
  }
  return 0;
}
