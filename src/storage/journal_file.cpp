#include "tidelog/storage/journal_file.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/crc32c.hpp"
#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

namespace tidelog::storage {
namespace {

constexpr std::array<std::uint8_t, 8> header_magic{'T', 'L', 'J', 'R', 'N', 'L', '\r', '\n'};
constexpr std::int16_t known_version = 1;
struct header_position {
  static constexpr std::size_t version = 8;
  static constexpr std::size_t directory_id = 10;
  static constexpr std::size_t run_id = 26;
  static constexpr std::size_t generation = 42;
  static constexpr std::size_t ring_blocks = 50;
  static constexpr std::size_t crc = 58;
};
/// Far beyond what anybody sets: the ring has to be read as a whole after a crash.
constexpr std::uint64_t most_ring_blocks = (std::uint64_t{1} << 40) / journal_block_bytes;

constexpr std::uint32_t group_magic = 0x544c4a47;
struct group_position {
  static constexpr std::size_t magic = 0;
  static constexpr std::size_t crc = 4;
  static constexpr std::size_t length = 8;
  static constexpr std::size_t entry_count = 12;
  static constexpr std::size_t run_id = 16;
  static constexpr std::size_t sequence = 32;
  static constexpr std::size_t oldest_needed = 40;
  static constexpr std::size_t entries = 48;
};

enum class entry_kind : std::uint8_t { batch = 1, truncation = 2 };
struct entry_position {
  static constexpr std::size_t kind = 0;
  static constexpr std::size_t topic_id = 1;
  static constexpr std::size_t partition = 17;
  static constexpr std::size_t leader_epoch = 21;
  static constexpr std::size_t base_offset = 25;
  static constexpr std::size_t last_offset = 33;
  static constexpr std::size_t length = 41;
  static constexpr std::size_t batch = 45;
};

/// Memory that a group keeps between two fillings.
constexpr std::size_t kept_bytes = 1024 * 1024;
constexpr std::uint64_t blocks_read_at_once = 256;

[[nodiscard]] constexpr std::uint64_t blocks_of(std::uint64_t bytes) {
  return (bytes + journal_block_bytes - 1) / journal_block_bytes;
}

void put_uuid(std::byte* to, const base::uuid& id) {
  std::copy(id.bytes.begin(), id.bytes.end(), to);
}
[[nodiscard]] base::uuid take_uuid(const std::byte* from) {
  base::uuid id;
  std::copy_n(from, id.bytes.size(), id.bytes.begin());
  return id;
}

enum class header_state { good, blank, damaged, of_another_version };
/// A header of any version has magic, version and CRC at these places.
struct decoded_header {
  header_state state = header_state::damaged;
  journal_header header{};
  std::int16_t version = 0;
};

[[nodiscard]] decoded_header decode_header(base::byte_view block) {
  decoded_header decoded;
  if (std::all_of(block.begin(), block.end(), [](std::byte each) { return each == std::byte{0}; })) {
    decoded.state = header_state::blank;
    return decoded;
  }
  const std::byte* const at = block.data();
  const bool is_ours =
      std::equal(header_magic.begin(), header_magic.end(), at,
                 [](std::uint8_t wanted, std::byte found) { return std::byte{wanted} == found; });
  if (!is_ours) return decoded;
  decoded.version = base::load_big_endian<std::int16_t>(at + header_position::version);
  const auto crc = base::load_big_endian<std::uint32_t>(at + header_position::crc);
  if (crc != base::crc32c(block.first(header_position::crc))) return decoded;
  if (decoded.version != known_version) {
    decoded.state = header_state::of_another_version;
    return decoded;
  }
  decoded.header.directory_id = take_uuid(at + header_position::directory_id);
  decoded.header.run_id = take_uuid(at + header_position::run_id);
  decoded.header.generation = base::load_big_endian<std::uint64_t>(at + header_position::generation);
  decoded.header.ring_blocks = base::load_big_endian<std::uint64_t>(at + header_position::ring_blocks);
  const auto blocks = decoded.header.ring_blocks;
  if (blocks > 0 && blocks <= most_ring_blocks) decoded.state = header_state::good;
  return decoded;
}

/// A group that was found in the ring and is whole.
struct found_group {
  std::uint64_t sequence;
  std::uint64_t oldest_needed;
  std::uint64_t block;
  std::uint32_t length;
};

/// Walks over a group's entries.
class entry_walker {
 public:
  entry_walker(base::byte_view group, const found_group& where) : group_(group), where_(where) {}

  struct entry {
    entry_kind kind;
    journal_log_id of;
    journal_batch batch;
  };
  [[nodiscard]] bool at_end() const { return at_ == group_.size(); }
  /// Nothing when the bytes make no sense.
  [[nodiscard]] std::optional<entry> next() {
    if (group_.size() - at_ < entry_position::batch) return std::nullopt;
    const std::byte* const from = group_.data() + at_;
    entry found{static_cast<entry_kind>(from[entry_position::kind]), {}, {}};
    found.of.topic = take_uuid(from + entry_position::topic_id);
    found.of.partition =
        model::partition_index(base::load_big_endian<std::int32_t>(from + entry_position::partition));
    found.batch.leader_epoch =
        model::leader_epoch(base::load_big_endian<std::int32_t>(from + entry_position::leader_epoch));
    found.batch.base_offset =
        model::offset(base::load_big_endian<std::int64_t>(from + entry_position::base_offset));
    found.batch.last_offset =
        model::offset(base::load_big_endian<std::int64_t>(from + entry_position::last_offset));
    found.batch.length = base::load_big_endian<std::uint32_t>(from + entry_position::length);
    found.batch.ring_position = where_.block * journal_block_bytes + at_ + entry_position::batch;
    at_ += entry_position::batch;
    if (found.kind == entry_kind::truncation) {
      return found.batch.length == 0 ? std::optional(found) : std::nullopt;
    }
    const bool makes_sense = found.kind == entry_kind::batch && found.batch.length <= group_.size() - at_ &&
                             found.batch.length >= model::batch_position::records &&
                             found.batch.base_offset >= model::offset(0) &&
                             found.batch.base_offset <= found.batch.last_offset;
    if (!makes_sense) return std::nullopt;
    at_ += found.batch.length;
    return found;
  }

 private:
  base::byte_view group_;
  const found_group& where_;
  std::size_t at_ = group_position::entries;
};

class ring_reader {
 public:
  ring_reader(const io::file& file, const journal_header& header) : file_(file), header_(header) {}

  void find_groups(std::uint64_t file_bytes);
  [[nodiscard]] journal_contents contents();

 private:
  /// Blocks that cannot be read are zeros, and counted.
  void read_ring(base::byte_span into, std::uint64_t ring_position);
  /// The group that begins with that block's bytes; nothing when there is none, or not all of it.
  [[nodiscard]] std::optional<found_group> group_at(std::uint64_t block, base::byte_view bytes);
  /// False when the entries make no sense.
  [[nodiscard]] bool take_entries(const found_group& group, journal_contents& into) const;

  const io::file& file_;
  const journal_header& header_;
  /// Of the ring; fewer than the header says where the file was cut short.
  std::uint64_t blocks_there_ = 0;
  std::vector<std::byte> buffer_;
  std::map<std::uint64_t, found_group> found_;
  std::set<std::uint64_t> unreadable_blocks_;
};

void ring_reader::read_ring(base::byte_span into, std::uint64_t ring_position) {
  if (read_journal_ring(file_, header_, into, ring_position)) return;
  for (std::size_t at = 0; at < into.size(); at += journal_block_bytes) {
    const auto block = into.subspan(at, std::min<std::size_t>(journal_block_bytes, into.size() - at));
    if (read_journal_ring(file_, header_, block, ring_position + at)) continue;
    std::ranges::fill(block, std::byte{0});
    unreadable_blocks_.insert((ring_position + at) / journal_block_bytes % header_.ring_blocks);
  }
}

void ring_reader::find_groups(std::uint64_t file_bytes) {
  const auto blocks_of_file = blocks_of(file_bytes);
  if (blocks_of_file <= journal_header_blocks) return;
  blocks_there_ = std::min(header_.ring_blocks, blocks_of_file - journal_header_blocks);
  std::vector<std::byte> window;
  std::uint64_t window_at = 0;
  for (std::uint64_t block = 0; block < blocks_there_;) {
    if (window.empty() || block >= window_at + window.size() / journal_block_bytes) {
      window_at = block;
      window.resize(std::min(blocks_read_at_once, blocks_there_ - block) * journal_block_bytes);
      read_ring(window, block * journal_block_bytes);
    }
    const auto bytes =
        base::byte_view(window).subspan((block - window_at) * journal_block_bytes, journal_block_bytes);
    const auto group = group_at(block, bytes);
    if (!group) {
      ++block;
      continue;
    }
    // Nothing in a whole group is to be taken for another: its batches are whatever clients sent.
    block += blocks_of(group->length);
    found_.try_emplace(group->sequence, *group);
  }
}

std::optional<found_group> ring_reader::group_at(std::uint64_t block, base::byte_view bytes) {
  const std::byte* const at = bytes.data();
  if (base::load_big_endian<std::uint32_t>(at + group_position::magic) != group_magic) return std::nullopt;
  if (take_uuid(at + group_position::run_id) != header_.run_id) return std::nullopt;
  found_group found{};
  found.block = block;
  found.length = base::load_big_endian<std::uint32_t>(at + group_position::length);
  if (found.length < group_position::entries || blocks_of(found.length) > blocks_there_) return std::nullopt;
  found.sequence = base::load_big_endian<std::uint64_t>(at + group_position::sequence);
  found.oldest_needed = base::load_big_endian<std::uint64_t>(at + group_position::oldest_needed);
  if (found.oldest_needed > found.sequence) return std::nullopt;
  buffer_.resize(found.length);
  read_ring(buffer_, block * journal_block_bytes);
  const auto crc = base::load_big_endian<std::uint32_t>(at + group_position::crc);
  if (crc != base::crc32c(base::byte_view(buffer_).subspan(group_position::length))) return std::nullopt;
  return found;
}

bool ring_reader::take_entries(const found_group& group, journal_contents& into) const {
  const auto count = base::load_big_endian<std::uint32_t>(buffer_.data() + group_position::entry_count);
  entry_walker walker(buffer_, group);
  std::vector<entry_walker::entry> entries;
  while (!walker.at_end()) {
    auto entry = walker.next();
    if (!entry) return false;
    entries.push_back(*entry);
  }
  if (entries.size() != count) return false;
  for (const auto& each : entries) {
    auto& batches = into.batches[each.of];
    if (each.kind == entry_kind::truncation) {
      std::erase_if(batches, [&](const auto& batch) { return batch.last_offset >= each.batch.base_offset; });
    } else {
      batches.push_back(each.batch);
    }
  }
  return true;
}

journal_contents ring_reader::contents() {
  journal_contents found;
  found.header = header_;
  found.unreadable_blocks = unreadable_blocks_.size();
  if (found_.empty()) return found;
  const found_group& newest = found_.rbegin()->second;
  for (auto each = found_.lower_bound(newest.oldest_needed); each != found_.end(); ++each) {
    buffer_.resize(each->second.length);
    read_ring(buffer_, each->second.block * journal_block_bytes);
    if (take_entries(each->second, found)) ++found.groups;
  }
  found.groups_missing = newest.sequence - newest.oldest_needed + 1 - found.groups;
  std::erase_if(found.batches, [](const auto& each) { return each.second.empty(); });
  return found;
}

}  // namespace

std::vector<std::byte> encode_journal_header(const journal_header& header) {
  std::vector<std::byte> block(journal_block_bytes);
  std::byte* const at = block.data();
  std::transform(header_magic.begin(), header_magic.end(), at, [](auto each) { return std::byte{each}; });
  base::store_big_endian(at + header_position::version, known_version);
  put_uuid(at + header_position::directory_id, header.directory_id);
  put_uuid(at + header_position::run_id, header.run_id);
  base::store_big_endian(at + header_position::generation, header.generation);
  base::store_big_endian(at + header_position::ring_blocks, header.ring_blocks);
  base::store_big_endian(at + header_position::crc,
                         base::crc32c(base::byte_view(block).first(header_position::crc)));
  return block;
}

std::uint64_t journal_header_position(std::uint64_t generation) {
  return generation % journal_header_blocks * journal_block_bytes;
}

base::result<journal_header> read_journal_header(const io::file& from) {
  std::vector<std::byte> block(journal_block_bytes);
  std::optional<journal_header> newest;
  std::optional<std::int16_t> other_version;
  std::optional<base::error> unreadable;
  for (std::size_t at = 0; at < journal_header_blocks; ++at) {
    const auto got = from.read_at(block, at * journal_block_bytes);
    // One that cannot be read is as good as damaged where the other one is good.
    if (!got) unreadable = got.error();
    if (!got || *got < block.size()) continue;
    const auto each = decode_header(block);
    if (each.state == header_state::of_another_version) other_version = each.version;
    if (each.state != header_state::good) continue;
    if (!newest || newest->generation < each.header.generation) newest = each.header;
  }
  // A version that writes another format may have written one of the two only.
  if (other_version) {
    return base::fail(errc::unknown_format_version, "{}: version {}", from.name(), *other_version);
  }
  if (!newest && unreadable) return tl::unexpected(*unreadable);
  if (!newest) return base::fail(errc::corrupt_journal, "{}: no good header", from.name());
  return *newest;
}

journal_group::journal_group() {
  clear();
}

std::byte* journal_group::add_entry(std::size_t batch_bytes) {
  const std::size_t at = bytes_.size();
  bytes_.resize(at + entry_position::batch + batch_bytes);
  ++entries_;
  return bytes_.data() + at;
}

void journal_group::add_batch(const journal_log_id& of, base::byte_view batch) {
  const auto header = model::parse_only_record_batch(batch);
  TIDELOG_ASSERT(header.has_value());
  std::byte* const at = add_entry(batch.size());
  at[entry_position::kind] = static_cast<std::byte>(entry_kind::batch);
  put_uuid(at + entry_position::topic_id, of.topic);
  base::store_big_endian(at + entry_position::partition, of.partition.value());
  base::store_big_endian(at + entry_position::leader_epoch, header->partition_leader_epoch().value());
  base::store_big_endian(at + entry_position::base_offset, header->base_offset().value());
  base::store_big_endian(at + entry_position::last_offset, header->last_offset().value());
  base::store_big_endian(at + entry_position::length, static_cast<std::uint32_t>(batch.size()));
  std::copy(batch.begin(), batch.end(), at + entry_position::batch);
}

void journal_group::add_truncation(const journal_log_id& of, model::offset end) {
  std::byte* const at = add_entry(0);
  at[entry_position::kind] = static_cast<std::byte>(entry_kind::truncation);
  put_uuid(at + entry_position::topic_id, of.topic);
  base::store_big_endian(at + entry_position::partition, of.partition.value());
  base::store_big_endian(at + entry_position::leader_epoch, model::no_leader_epoch.value());
  base::store_big_endian(at + entry_position::base_offset, end.value());
  base::store_big_endian(at + entry_position::last_offset, model::no_offset.value());
  base::store_big_endian(at + entry_position::length, std::uint32_t{0});
}

std::uint64_t journal_group::blocks_with(std::size_t batch_bytes) const {
  return blocks_of(bytes_.size() + entry_position::batch + batch_bytes);
}

std::uint64_t journal_group::blocks() const {
  return blocks_of(bytes_.size());
}

base::byte_view journal_group::seal(const base::uuid& run_id, std::uint64_t sequence,
                                    std::uint64_t oldest_needed) {
  const auto length = bytes_.size();
  std::byte* const at = bytes_.data();
  base::store_big_endian(at + group_position::magic, group_magic);
  base::store_big_endian(at + group_position::length, static_cast<std::uint32_t>(length));
  base::store_big_endian(at + group_position::entry_count, entries_);
  put_uuid(at + group_position::run_id, run_id);
  base::store_big_endian(at + group_position::sequence, sequence);
  base::store_big_endian(at + group_position::oldest_needed, oldest_needed);
  base::store_big_endian(at + group_position::crc,
                         base::crc32c(base::byte_view(bytes_).subspan(group_position::length)));
  bytes_.resize(blocks_of(length) * journal_block_bytes);
  return bytes_;
}

void journal_group::clear() {
  if (bytes_.capacity() > kept_bytes) std::vector<std::byte>().swap(bytes_);
  bytes_.assign(group_position::entries, std::byte{0});
  entries_ = 0;
}

base::result<journal_contents> read_journal(const io::file& from) {
  TIDELOG_TRY(const auto header, read_journal_header(from));
  ring_reader reader(from, header);
  TIDELOG_TRY(const std::uint64_t file_bytes, from.size());
  reader.find_groups(file_bytes);
  return reader.contents();
}

base::status read_journal_ring(const io::file& from, const journal_header& header, base::byte_span into,
                               std::uint64_t ring_position) {
  constexpr std::uint64_t ring_begin = journal_header_blocks * journal_block_bytes;
  const std::uint64_t ring_bytes = header.ring_bytes();
  while (!into.empty()) {
    ring_position %= ring_bytes;
    const auto piece = into.first(std::min<std::uint64_t>(into.size(), ring_bytes - ring_position));
    TIDELOG_TRY(const std::size_t got, from.read_at(piece, ring_begin + ring_position));
    // Behind the end of a file that is too short there are no groups.
    std::fill(piece.begin() + static_cast<std::ptrdiff_t>(got), piece.end(), std::byte{0});
    ring_position += piece.size();
    into = into.subspan(piece.size());
  }
  return {};
}

base::result<std::vector<std::byte>> read_journal_batch(const io::file& from, const journal_header& header,
                                                        const journal_batch& batch) {
  std::vector<std::byte> bytes(batch.length);
  TIDELOG_DO(read_journal_ring(from, header, bytes, batch.ring_position));
  const auto parsed = model::parse_only_record_batch(bytes);
  const bool is_it = parsed && model::verify_crc(*parsed) && parsed->base_offset() == batch.base_offset &&
                     parsed->last_offset() == batch.last_offset &&
                     parsed->partition_leader_epoch() == batch.leader_epoch;
  if (is_it) return bytes;
  return base::fail(errc::corrupt_journal, "{}: the batch at ring position {}", from.name(),
                    batch.ring_position);
}

}  // namespace tidelog::storage
