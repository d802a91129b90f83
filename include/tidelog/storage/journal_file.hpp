#pragma once
// The commit journal's file: what small durable appends are acknowledged by, until their segments have been synced.
//
// It stands at the top of the data directory, is laid out before it is used, and overwritten in place. Blocks have 4096
// bytes; what lies behind those that the header counts means nothing:
//
//   block 0, 1   header, written in turn; of the good ones that with the larger generation counts
//   block 2...   the ring of groups, each from a block's beginning on; one that reaches the end goes on at block 2
//
//   header                                       group
//   position size field                          position size field
//          0    8 magic "TLJRNL\r\n"                    0    4 magic "TLJG"
//          8    2 version, 1                            4    4 crc     CRC32C from 8 to the group's length
//         10   16 directory id                          8    4 length  from 0 to the end of the last entry
//         26   16 run id                               12    4 entries
//         42    8 generation                           16   16 run id
//         50    8 blocks of the ring                   32    8 sequence, one more than the group's before it
//         58    4 crc  CRC32C of 0 to 57               40    8 sequence of the oldest group that is still needed
//                                                      48      the entries; zeros to the end of the last block
//   entry
//   position size field
//          0    1 kind: 1 a batch, 2 a truncation
//          1   16 topic id
//         17    4 partition
//         21    4 leader epoch (truncation: -1)
//         25    8 base offset (truncation: where the log ends from now on)
//         33    8 last offset (truncation: -1)
//         41    4 length of the batch (truncation: 0)
//         45      the batch, as it is in the segment
//
// A run is one use of the ring, from a fresh run id on; groups of other runs mean nothing. The ring can grow within a run,
// by a header that differs in generation and blocks only, written when blocks behind the old end are on disk and no group
// that is still needed goes on from that end at block 2. After a crash the run's newest
// good group tells which ones are needed: an unbroken chain of sequences that ends with it. A group is written after the
// one before is on disk, and only over groups that this one no longer needs; so what a crash tears is at most the one
// behind the newest.

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <map>
#include <vector>

namespace tidelog::storage {

inline constexpr const char* journal_file_name = "commit-journal";
inline constexpr std::uint64_t journal_block_bytes = 4096;
inline constexpr std::uint64_t journal_header_blocks = 2;

/// The log that an entry belongs to. Ids are not given twice, so what is left of a deleted topic means nothing to others.
struct journal_log_id {
  model::topic_id topic;
  model::partition_index partition{};
  friend auto operator<=>(const journal_log_id&, const journal_log_id&) = default;
};

struct journal_header {
  base::uuid directory_id;
  base::uuid run_id;
  std::uint64_t generation = 0;
  std::uint64_t ring_blocks = 0;

  [[nodiscard]] std::uint64_t ring_bytes() const { return ring_blocks * journal_block_bytes; }
  [[nodiscard]] std::uint64_t file_bytes() const {
    return journal_header_blocks * journal_block_bytes + ring_bytes();
  }
};

/// One block.
[[nodiscard]] std::vector<std::byte> encode_journal_header(const journal_header& header);
/// Where the header of that generation is written.
[[nodiscard]] std::uint64_t journal_header_position(std::uint64_t generation);
/// The header that counts. Fails with corrupt_journal, unknown_format_version, or an errno.
[[nodiscard]] base::result<journal_header> read_journal_header(const io::file& from);

/// A batch that the journal holds.
struct journal_batch {
  model::leader_epoch leader_epoch{};
  model::offset base_offset{};
  model::offset last_offset{};
  /// Of the batch, counted from the ring's beginning; it may go on there.
  std::uint64_t ring_position = 0;
  std::uint32_t length = 0;
};

/// Puts a group together in memory.
class journal_group {
 public:
  journal_group();
  /// `batch` is whole, and its base offset and leader epoch have been filled in.
  void add_batch(const journal_log_id& of, base::byte_view batch);
  void add_truncation(const journal_log_id& of, model::offset end);
  [[nodiscard]] std::uint32_t entry_count() const { return entries_; }
  /// Blocks that it takes, with a further batch of so many bytes.
  [[nodiscard]] std::uint64_t blocks_with(std::size_t batch_bytes) const;
  [[nodiscard]] std::uint64_t blocks() const;
  /// Fills in the header; the group in whole blocks.
  [[nodiscard]] base::byte_view seal(const base::uuid& run_id, std::uint64_t sequence,
                                     std::uint64_t oldest_needed);
  /// Without entries again; what memory it has beyond some it gives back.
  void clear();

 private:
  std::byte* add_entry(std::size_t batch_bytes);

  std::vector<std::byte> bytes_;
  std::uint32_t entries_ = 0;
};

/// What a crash left in the journal.
struct journal_contents {
  journal_header header;
  /// In the order of writing; batches that a truncation took away are not among them.
  std::map<journal_log_id, std::vector<journal_batch>> batches;
  std::uint64_t groups = 0;
  /// Groups that are needed and not there, or that make no sense: the disk has lost what it had confirmed.
  std::uint64_t groups_missing = 0;
  /// Which count as zeros: whatever was in them, it may have been of the newest groups.
  std::uint64_t unreadable_blocks = 0;
};

/// Reads the whole file. Fails as read_journal_header() does.
[[nodiscard]] base::result<journal_contents> read_journal(const io::file& from);
/// Bytes of the ring, from its end on to its beginning.
[[nodiscard]] base::status read_journal_ring(const io::file& from, const journal_header& header,
                                             base::byte_span into, std::uint64_t ring_position);
/// The batch, with its offset, epoch and checksum as they are to be; corrupt_journal when it is not that.
[[nodiscard]] base::result<std::vector<std::byte>> read_journal_batch(const io::file& from,
                                                                      const journal_header& header,
                                                                      const journal_batch& batch);

}  // namespace tidelog::storage
