#pragma once
// What stood behind the end of a log is kept beside it, under a name that neither Kafka nor we take for a part of the log:
//
//   BASE.log.aside-OFFSET.NUMBER   BASE: of the segment it was in; OFFSET: where the log ended; NUMBER: from 1 on, so that
//                                  none is ever written over

#include "scan_interrupt.hpp"

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <string_view>

namespace tidelog::storage {

inline constexpr std::string_view set_aside_mark = ".log.aside-";

[[nodiscard]] bool is_set_aside_name(std::string_view name);

struct tail_to_keep {
  io::path directory{};
  model::offset segment_base{};
  model::offset log_end{};
};

/// Copies `file` from `position` to its end; durable when this returns the name. Fails as `interrupt` does, which is asked
/// before each MiB.
[[nodiscard]] base::result<io::path> set_tail_aside(io::file_system& files, const tail_to_keep& of,
                                                    const io::file& file, std::uint64_t position,
                                                    const scan_interrupt& interrupt);
/// Gives the whole segment's data file such a name; durable once the directory has been synced.
[[nodiscard]] base::result<io::path> set_segment_aside(io::file_system& files, const tail_to_keep& of);

}  // namespace tidelog::storage
