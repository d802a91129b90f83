#pragma once
// Every fixed bound of the program in one place. What an operator may set is in the configuration table
// (tidelog/metadata/config_table.hpp); what stands here is structure.

#include <cstddef>
#include <cstdint>

namespace tidelog::base::limits {

/// Elements decoded from all arrays of one request together: a frame may not blow up into far more memory than it
/// has bytes.
inline constexpr std::size_t decoded_elements_per_request = 1'000'000;

/// Kafka's longest topic name; TOPIC-PARTITION.UUID-delete must stay within a file name's 255 bytes.
inline constexpr std::size_t topic_name_bytes = 249;
inline constexpr std::size_t file_name_bytes = 255;

/// Bytes of a record batch before its records, and before its length has effect (base offset and length).
inline constexpr std::size_t record_batch_header_bytes = 61;
inline constexpr std::size_t record_batch_overhead_bytes = 12;

/// Duplicates of an idempotent producer are known this many batches back, as in Kafka.
inline constexpr std::size_t producer_batches_kept = 5;

/// Output of a decompressor is produced and checked in pieces of this size.
inline constexpr std::size_t decompression_chunk_bytes = 64 * 1024;
/// Snappy cannot let go of a block before all of it is there, so this is the most that one may open to.
inline constexpr std::size_t snappy_block_bytes = 64 * 1024 * 1024;
/// Window that a zstd frame may ask for, as a power of two: libzstd's own limit, which Kafka's clients live by.
inline constexpr int zstd_window_log = 27;

/// Offending records of one kind that the check of a batch names.
inline constexpr std::size_t record_faults_reported = 32;

}  // namespace tidelog::base::limits
