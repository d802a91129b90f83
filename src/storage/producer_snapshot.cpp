#include "tidelog/storage/producer_snapshot.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/crc32c.hpp"
#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>

namespace tidelog::storage {
namespace {

constexpr std::int16_t snapshot_version = 1;
constexpr std::size_t crc_position = sizeof(std::int16_t);
constexpr std::size_t count_position = crc_position + sizeof(std::uint32_t);
constexpr std::size_t header_bytes = count_position + sizeof(std::int32_t);
constexpr std::size_t entry_bytes = 46;
/// Some 23 million producers; a larger file is not read, and the state is rebuilt from the segments.
constexpr std::uint64_t most_snapshot_bytes = 1U << 30;

constexpr std::string_view suffix = ".snapshot";
constexpr std::size_t offset_digits = 20;

class entry_writer {
 public:
  explicit entry_writer(std::byte* to) : to_(to) {}
  template <class T>
  void put(T value) {
    base::store_big_endian(to_, value);
    to_ += sizeof(T);
  }

 private:
  std::byte* to_;
};

class entry_reader {
 public:
  explicit entry_reader(const std::byte* from) : from_(from) {}
  template <class T>
  [[nodiscard]] T take() {
    const auto value = base::load_big_endian<T>(from_);
    from_ += sizeof(T);
    return value;
  }

 private:
  const std::byte* from_;
};

void write_entry(std::byte* to, const producer_snapshot_entry& entry) {
  entry_writer writer(to);
  writer.put(entry.producer.value());
  writer.put(entry.epoch.value());
  writer.put(entry.last_sequence.value());
  writer.put(entry.last_offset.value());
  writer.put(entry.offset_delta);
  writer.put(entry.timestamp.value());
  writer.put(entry.coordinator_epoch);
  writer.put(entry.current_txn_first_offset.value());
}

producer_snapshot_entry read_entry(const std::byte* from) {
  entry_reader reader(from);
  // Members of a braced list are evaluated in order, which is the order in the file.
  return {
      .producer = model::producer_id(reader.take<std::int64_t>()),
      .epoch = model::producer_epoch(reader.take<std::int16_t>()),
      .last_sequence = model::sequence(reader.take<std::int32_t>()),
      .last_offset = model::offset(reader.take<std::int64_t>()),
      .offset_delta = reader.take<std::int32_t>(),
      .timestamp = model::timestamp(reader.take<std::int64_t>()),
      .coordinator_epoch = reader.take<std::int32_t>(),
      .current_txn_first_offset = model::offset(reader.take<std::int64_t>()),
  };
}

base::status remove_snapshot(io::file_system& files, const io::path& directory, model::offset at) {
  auto removed = files.remove_file(directory / producer_snapshot_name(at));
  if (!removed && removed.error().code == std::errc::no_such_file_or_directory) return {};
  return removed;
}

}  // namespace

std::vector<std::byte> encode_producer_snapshot(std::span<const producer_snapshot_entry> entries) {
  TIDELOG_ASSERT(entries.size() <= std::numeric_limits<std::int32_t>::max(), "{} producers", entries.size());
  std::vector<std::byte> content(header_bytes + entries.size() * entry_bytes);
  base::store_big_endian(content.data(), snapshot_version);
  base::store_big_endian(content.data() + count_position, static_cast<std::int32_t>(entries.size()));
  auto* to = content.data() + header_bytes;
  for (const auto& entry : entries) {
    write_entry(to, entry);
    to += entry_bytes;
  }
  base::store_big_endian(content.data() + crc_position,
                         base::crc32c(base::byte_view(content).subspan(count_position)));
  return content;
}

base::result<std::vector<producer_snapshot_entry>> decode_producer_snapshot(base::byte_view content,
                                                                            const io::path& name) {
  if (content.size() < header_bytes) {
    return base::fail(errc::corrupt_snapshot, "{}: {} bytes", name.native(), content.size());
  }
  const auto version = base::load_big_endian<std::int16_t>(content.data());
  if (version != snapshot_version) {
    return base::fail(errc::unknown_format_version, "{}: version {}", name.native(), version);
  }
  const auto written = base::load_big_endian<std::uint32_t>(content.data() + crc_position);
  const auto computed = base::crc32c(content.subspan(count_position));
  if (written != computed) {
    return base::fail(errc::corrupt_snapshot, "{}: checksum {:08x}, the content has {:08x}", name.native(),
                      written, computed);
  }
  const auto count = base::load_big_endian<std::int32_t>(content.data() + count_position);
  const auto room = (content.size() - header_bytes) / entry_bytes;
  if (count < 0 || static_cast<std::size_t>(count) != room ||
      (content.size() - header_bytes) % entry_bytes != 0) {
    return base::fail(errc::corrupt_snapshot, "{}: {} entries in {} bytes", name.native(), count,
                      content.size());
  }
  std::vector<producer_snapshot_entry> entries;
  entries.reserve(room);
  for (std::size_t i = 0; i < room; ++i) {
    entries.push_back(read_entry(content.data() + header_bytes + i * entry_bytes));
  }
  return entries;
}

std::string producer_snapshot_name(model::offset at) {
  return fmt::format("{:0{}}{}", at.value(), offset_digits, suffix);
}

std::optional<model::offset> parse_producer_snapshot_name(std::string_view name) {
  if (name.size() != offset_digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  std::uint64_t value = 0;
  const auto digits = name.substr(0, offset_digits);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return model::offset(static_cast<std::int64_t>(value));
}

base::status write_producer_snapshot(io::file_system& files, const io::path& partition_directory,
                                     model::offset at, std::span<const producer_snapshot_entry> entries) {
  return io::replace_file(files, partition_directory / producer_snapshot_name(at),
                          encode_producer_snapshot(entries));
}

base::status write_producer_snapshot_aside(io::file_system& files, const io::path& partition_directory,
                                           model::offset at,
                                           std::span<const producer_snapshot_entry> entries) {
  return io::write_replacement(files, partition_directory / producer_snapshot_name(at),
                               encode_producer_snapshot(entries));
}

base::result<std::vector<producer_snapshot_entry>> read_producer_snapshot(io::file_system& files,
                                                                          const io::path& partition_directory,
                                                                          model::offset at) {
  const auto name = partition_directory / producer_snapshot_name(at);
  TIDELOG_TRY(const auto content, io::read_file(files, name, most_snapshot_bytes));
  return decode_producer_snapshot(content, name);
}

base::result<std::vector<model::offset>> list_producer_snapshots(io::file_system& files,
                                                                 const io::path& partition_directory) {
  TIDELOG_TRY(const auto names, files.list(partition_directory));
  std::vector<model::offset> offsets;
  for (const auto& entry : names) {
    if (entry.kind != io::entry_kind::file) continue;
    if (const auto at = parse_producer_snapshot_name(entry.name)) offsets.push_back(*at);
  }
  std::ranges::sort(offsets);
  return offsets;
}

base::result<model::offset> load_newest_producer_snapshot(io::file_system& files,
                                                          const io::path& partition_directory,
                                                          snapshot_choice of, producer_state& state,
                                                          std::vector<model::offset>& passed_over) {
  state.clear();
  auto& offsets = of.there;
  if (!offsets.empty() && offsets.back() > of.log_end) {
    for (; !offsets.empty() && offsets.back() > of.log_end; offsets.pop_back())
      TIDELOG_DO(remove_snapshot(files, partition_directory, offsets.back()));
    // The log may come to that offset again, by other batches.
    TIDELOG_DO(files.sync_directory(partition_directory));
  }
  // One from before the log's beginning lacks what has been deleted since.
  for (auto at = offsets.rbegin(); at != offsets.rend() && *at >= of.log_start; ++at) {
    const auto entries = read_producer_snapshot(files, partition_directory, *at);
    if (entries) {
      state.load(*entries, of.now_ms);
      return *at;
    }
    base::say_warning("{}; producer state is rebuilt from what is older", entries.error().describe());
    passed_over.push_back(*at);
    if (entries.error().code == errc::corrupt_snapshot) {
      TIDELOG_DO(remove_snapshot(files, partition_directory, *at));
    }
  }
  return of.log_start;
}

base::status remove_stale_producer_snapshots(io::file_system& files, const io::path& partition_directory,
                                             std::span<const model::offset> segment_bases) {
  TIDELOG_TRY(const auto offsets, list_producer_snapshots(files, partition_directory));
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (std::ranges::binary_search(segment_bases, offsets[i])) continue;
    TIDELOG_DO(remove_snapshot(files, partition_directory, offsets[i]));
  }
  return {};
}

base::status remove_producer_snapshots_above(io::file_system& files, const io::path& partition_directory,
                                             model::offset above) {
  TIDELOG_TRY(const auto offsets, list_producer_snapshots(files, partition_directory));
  for (const auto at : offsets) {
    if (at > above) TIDELOG_DO(remove_snapshot(files, partition_directory, at));
  }
  return {};
}

}  // namespace tidelog::storage
