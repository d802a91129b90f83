#pragma once
// The marker of a clean stop, `.kafka_cleanshutdown` at the top of the data directory: {"version":0,"brokerEpoch":12}.
// While it is there, every log is complete and its files can be taken at their word. It goes before the first log is
// opened for writing.

#include "tidelog/io/file_system.hpp"

#include <cstdint>
#include <optional>

namespace tidelog::storage {

inline constexpr const char* clean_stop_marker_name = ".kafka_cleanshutdown";

struct clean_stop_marker {
  std::int64_t broker_epoch = -1;
};

/// Nothing when there is none, or one that cannot be read or makes no sense, which is reported: logs are then recovered.
[[nodiscard]] std::optional<clean_stop_marker> read_clean_stop_marker(io::file_system& files,
                                                                      const io::path& data_directory);
/// Fine when there is none. Makes all names in the directory durable.
[[nodiscard]] base::status remove_clean_stop_marker(io::file_system& files, const io::path& data_directory);
/// Durably.
[[nodiscard]] base::status write_clean_stop_marker(io::file_system& files, const io::path& data_directory,
                                                   const clean_stop_marker& marker);

}  // namespace tidelog::storage
