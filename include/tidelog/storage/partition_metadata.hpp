#pragma once
// Which topic a partition's directory belongs to: the name may have been given to another topic since.
//
// File `partition.metadata`, text, as Kafka has it, without a line end after the id:
//   version: 0
//   topic_id: lKCUcx-RQoSnbMaKiFgZDA

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <string>

namespace tidelog::storage {

inline constexpr const char* partition_metadata_name = "partition.metadata";

[[nodiscard]] std::string format_partition_metadata(const model::topic_id& id);
/// Fails with errc::corrupt_partition_metadata or unknown_format_version; `name` is for the message.
[[nodiscard]] base::result<model::topic_id> parse_partition_metadata(std::string_view content,
                                                                     const io::path& name);

/// Fails as parse_partition_metadata(), or with an errno (ENOENT where there is none).
[[nodiscard]] base::result<model::topic_id> read_partition_metadata(io::file_system& files,
                                                                    const io::path& partition_directory);
/// Writes the file, whole and durably, over one that may be there.
[[nodiscard]] base::status write_partition_metadata(io::file_system& files,
                                                    const io::path& partition_directory,
                                                    const model::topic_id& id);

}  // namespace tidelog::storage
