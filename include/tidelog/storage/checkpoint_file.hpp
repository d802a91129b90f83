#pragma once
// Offsets of many partitions in one text file at the top of the data directory, as Kafka has it:
//
//   0              version
//   2              number of entries
//   orders 0 1530  topic, partition, offset
//   orders 1 1498
//
// A checkpoint says from where on work is to be done again; one that is missing or damaged costs that work, never data.

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <map>
#include <string>

namespace tidelog::storage {

inline constexpr const char* recovery_point_checkpoint = "recovery-point-offset-checkpoint";
inline constexpr const char* log_start_checkpoint = "log-start-offset-checkpoint";
inline constexpr const char* high_watermark_checkpoint = "replication-offset-checkpoint";
inline constexpr const char* cleaner_checkpoint = "cleaner-offset-checkpoint";

using partition_offsets = std::map<model::topic_partition, model::offset>;

/// Makes such a file's text line by line.
class offset_checkpoint_text {
 public:
  /// In rising order, each partition once.
  void add(const model::topic_partition& partition, model::offset at);
  /// All of it.
  [[nodiscard]] std::string take() &&;

 private:
  std::size_t entries_ = 0;
  std::string lines_;
};

[[nodiscard]] std::string format_offset_checkpoint(const partition_offsets& offsets);
/// Fails with errc::corrupt_checkpoint or unknown_format_version; `name` is for the message.
[[nodiscard]] base::result<partition_offsets> parse_offset_checkpoint(std::string_view content,
                                                                      const io::path& name);

/// No file has no entries, and so has an empty one, which Kafka makes at its first start. Fails as
/// parse_offset_checkpoint(), or with an errno; the caller goes on as without a file.
[[nodiscard]] base::result<partition_offsets> read_offset_checkpoint(io::file_system& files,
                                                                     const io::path& name);
/// Replaces the file, whole and durably.
[[nodiscard]] base::status write_offset_checkpoint(io::file_system& files, const io::path& name,
                                                   const partition_offsets& offsets);

}  // namespace tidelog::storage
