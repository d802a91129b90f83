#pragma once
// Snapshots of the metadata: OFFSET-EPOCH.checkpoint (20 and 10 digits) next to the metadata log, where OFFSET is the
// first offset that is not in the snapshot. The file is a sequence of record batches, as the log's, with offsets that
// count from 0: a control batch with the snapshot header, batches of records, a control batch with the footer.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/io/file_system.hpp"
#include "tidelog/metadata/image.hpp"
#include "tidelog/metadata/records.hpp"
#include "tidelog/model/record.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace tidelog::metadata {

struct snapshot_name {
  model::offset end;
  model::leader_epoch epoch;
};
[[nodiscard]] std::string snapshot_file_name(const snapshot_name& of);
[[nodiscard]] std::optional<snapshot_name> parse_snapshot_file_name(std::string_view name);

/// The records that make an empty image into this one.
[[nodiscard]] std::vector<record> records_of(const image& of);

/// Writes the snapshot of `of`; whole or not at all.
[[nodiscard]] base::status write_snapshot(io::file_system& files, const io::path& directory, const image& of,
                                          base::unix_ms now_ms);
/// The image in the newest snapshot that is sound; damaged ones are reported and passed over. Nothing when there is
/// none.
[[nodiscard]] base::result<std::optional<image>> load_newest_snapshot(io::file_system& files,
                                                                      const io::path& directory);
/// Removes all snapshots that are older than the newest `keep`.
[[nodiscard]] base::status remove_old_snapshots(io::file_system& files, const io::path& directory,
                                                std::size_t keep);

/// Calls `take` with each metadata record of the batch; control batches hold none. Checks the CRC.
[[nodiscard]] base::status for_each_record(const model::record_batch_view& batch,
                                           const std::function<base::status(record)>& take);

/// Records as batches of bounded size, base offsets counting from `first`.
[[nodiscard]] std::vector<std::vector<std::byte>> make_batches(const std::vector<record>& records,
                                                               model::offset first, model::leader_epoch epoch,
                                                               base::unix_ms now_ms);
/// One control record in a batch of its own.
[[nodiscard]] std::vector<std::byte> make_control_batch(model::control_record_type kind,
                                                        base::byte_view value, model::offset at,
                                                        model::leader_epoch epoch, base::unix_ms now_ms);

}  // namespace tidelog::metadata
