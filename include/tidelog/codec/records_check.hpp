#pragma once
// The records of a batch, whatever their compression: checked without being kept, or written anew with another.

#include "tidelog/codec/compression.hpp"
#include "tidelog/model/record_stream_checker.hpp"

namespace tidelog::codec {

/// Checks everything that record_stream_checker does. Fails with batch_errc where the records are wrong and with
/// compression_errc where they do not decompress. Burns CPU for what comes out of the decompressor, however much that is:
/// compressed batches belong on the worker pool. Thread safe.
[[nodiscard]] base::result<model::record_check_summary> check_records(
    const model::record_batch_view& batch, const model::record_check_options& options);

struct recompress_options {
  model::compression_type target = model::compression_type::none;
  compression_level level{};
  /// Of the new batch, header included.
  std::size_t most_bytes = 0;
  /// When given, the new batch's timestamps are those of the append.
  std::optional<model::timestamp> append_time{};
};

/// The same records and header fields under another compression, sealed. Memory is that of the new batch and of the two
/// streams. Fails with compression_errc, output_too_large among them; does not look at the records.
[[nodiscard]] base::result<std::vector<std::byte>> recompress_batch(const model::record_batch_view& batch,
                                                                    const recompress_options& options);

}  // namespace tidelog::codec
