// Whatever stands in the commit journal's ring: reading it ends, what it gives out lies within the ring, and what is
// given out as a batch is one.
//
// Input: the ring, in blocks of 4096 bytes; the last may be short. Groups get the run id and checksum that they need,
// or hardly any input would get past these.

#include "support/fault_file_system.hpp"

#include "tidelog/base/crc32c.hpp"
#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/journal_file.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

namespace base = tidelog::base;
namespace io = tidelog::io;
namespace model = tidelog::model;
namespace storage = tidelog::storage;
namespace test = tidelog::test;

void require(bool holds) {
  if (!holds) std::abort();
}

/// Puts right what only a writer of groups could know.
void seal_groups(std::vector<std::byte>& ring, const base::uuid& run_id) {
  constexpr std::uint32_t group_magic = 0x544c4a47;
  constexpr std::size_t header_bytes = 48;
  for (std::size_t at = 0; at + header_bytes <= ring.size(); at += storage::journal_block_bytes) {
    std::byte* const group = ring.data() + at;
    if (base::load_big_endian<std::uint32_t>(group) != group_magic) continue;
    std::copy(run_id.bytes.begin(), run_id.bytes.end(), group + 16);
    const auto length = base::load_big_endian<std::uint32_t>(group + 8);
    if (length < header_bytes || length > ring.size() - at) continue;
    base::store_big_endian(group + 4, base::crc32c(base::byte_view(ring).subspan(at + 8, length - 8)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  test::fault_file_system files;
  const auto file = *files.open("/journal", io::open_mode::create);
  storage::journal_header header;
  header.directory_id.bytes[0] = std::byte{1};
  header.run_id.bytes[0] = std::byte{2};
  header.ring_blocks = (size + storage::journal_block_bytes - 1) / storage::journal_block_bytes;
  std::vector<std::byte> ring(reinterpret_cast<const std::byte*>(data),
                              reinterpret_cast<const std::byte*>(data) + size);
  seal_groups(ring, header.run_id);
  require(file->write_at(storage::encode_journal_header(header), storage::journal_header_position(0))
              .has_value());
  require(file->write_at(ring, storage::journal_header_blocks * storage::journal_block_bytes).has_value());

  const auto found = storage::read_journal(*file);
  require(found.has_value());
  require(found->groups <= header.ring_blocks);
  for (const auto& [id, batches] : found->batches) {
    require(!batches.empty());
    for (const auto& each : batches) {
      require(each.ring_position < header.ring_bytes() && each.length <= header.ring_bytes());
      require(each.base_offset <= each.last_offset);
      const auto bytes = storage::read_journal_batch(*file, found->header, each);
      if (!bytes) continue;
      const auto batch = model::parse_only_record_batch(*bytes);
      require(batch && batch->base_offset() == each.base_offset && batch->last_offset() == each.last_offset);
    }
  }
  return 0;
}
