#pragma once
// Producer state on disk: OFFSET.snapshot in the partition's directory (20 digits) says what was known of the
// producers when the log ended at OFFSET. Kafka's format; integers are big-endian:
//
//   version int16 (1) | crc uint32 | entry count int32 | entry...
//   entry: producer id int64 | epoch int16 | last sequence int32 | last offset int64 | offset delta int32 |
//          timestamp int64 | coordinator epoch int32 | first offset of the open transaction int64 (-1: none)
//
// The CRC32C covers everything after it. Written at each roll, for the new segment's base offset, and at a
// clean stop, for the end of the log (not for an empty log). A snapshot that is missing or damaged costs
// time, never data: the state is rebuilt from an older one, or from the segments alone.

#include "tidelog/io/file_system.hpp"
#include "tidelog/storage/producer_state.hpp"

#include <string>
#include <string_view>

namespace tidelog::storage {

[[nodiscard]] std::vector<std::byte> encode_producer_snapshot(
    std::span<const producer_snapshot_entry> entries);
/// Fails with errc::corrupt_snapshot or unknown_format_version; `name` is for the message.
[[nodiscard]] base::result<std::vector<producer_snapshot_entry>> decode_producer_snapshot(
    base::byte_view content, const io::path& name);

/// "00000000000000001530.snapshot".
[[nodiscard]] std::string producer_snapshot_name(model::offset at);
/// The offset in such a name; nothing when it is no such name.
[[nodiscard]] std::optional<model::offset> parse_producer_snapshot_name(std::string_view name);

/// As write_producer_snapshot(), neither synced nor under its name: for io::put_replacement_in_place().
[[nodiscard]] base::status write_producer_snapshot_aside(io::file_system& files,
                                                         const io::path& partition_directory,
                                                         model::offset at,
                                                         std::span<const producer_snapshot_entry> entries);
/// Writes the snapshot for a log that ends at `at`, whole and durably, over one of that name.
[[nodiscard]] base::status write_producer_snapshot(io::file_system& files,
                                                   const io::path& partition_directory, model::offset at,
                                                   std::span<const producer_snapshot_entry> entries);
/// Fails as decode_producer_snapshot(), or with an errno (ENOENT when there is none).
[[nodiscard]] base::result<std::vector<producer_snapshot_entry>> read_producer_snapshot(
    io::file_system& files, const io::path& partition_directory, model::offset at);

/// The offsets of the snapshots there are, rising.
[[nodiscard]] base::result<std::vector<model::offset>> list_producer_snapshots(
    io::file_system& files, const io::path& partition_directory);

struct snapshot_choice {
  std::vector<model::offset> there;  ///< as list_producer_snapshots() tells them
  model::offset log_start{};         ///< where the first segment begins
  model::offset log_end{};
  base::unix_ms now_ms = 0;
};
/// Loads the newest good snapshot from `log_start` to `log_end` into `state`, and returns the offset from which batches are
/// to be given to record_replayed(). With no snapshot, `state` is empty and that is `log_start`. Damaged snapshots are
/// reported and removed, those beyond `log_end` are removed, as they speak of batches that are no more; one that cannot be
/// read or has a version not known here is reported and left; the offsets of both kinds are added to `passed_over`. Fails
/// only with an errno of the directory or of a removal.
[[nodiscard]] base::result<model::offset> load_newest_producer_snapshot(
    io::file_system& files, const io::path& partition_directory, snapshot_choice of, producer_state& state,
    std::vector<model::offset>& passed_over);

/// Removes snapshots that no recovery can need any more: those whose offset is neither the base of one of the
/// segments
/// (`segment_bases`, rising) nor the newest of all.
[[nodiscard]] base::status remove_stale_producer_snapshots(io::file_system& files,
                                                           const io::path& partition_directory,
                                                           std::span<const model::offset> segment_bases);
/// Removes those above `above`, where the log has been truncated to: they speak of batches that are no more.
[[nodiscard]] base::status remove_producer_snapshots_above(io::file_system& files,
                                                           const io::path& partition_directory,
                                                           model::offset above);

}  // namespace tidelog::storage
