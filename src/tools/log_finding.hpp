#pragma once
// What is wrong with the files of a data directory, and what mends it.

#include "tidelog/base/result.hpp"
#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::tools {

enum class severity {
  note,        ///< worth knowing; nothing is wrong
  repairable,  ///< can be mended without losing a record that was acknowledged
  damaged,     ///< records, or what only this file knew, are lost
};
[[nodiscard]] std::string_view name_of(severity level);

/// The system has refused something; anything else is about what a file holds.
[[nodiscard]] bool is_errno(const base::error& failure);
/// The disk does not give what it holds: that concerns one file, and keeps nobody from looking at the others.
[[nodiscard]] bool is_unreadable(const base::error& failure);

struct byte_range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] std::uint64_t size() const { return end - begin; }
};

/// One thing that a repair does to one file.
struct repair_step {
  enum class action {
    begin_segment,  ///< an empty one
    remove_range,   ///< of bytes of a segment; what follows moves up
    write_over,     ///< of bytes of a segment, by `content`
    set_aside,      ///< the whole file
    replace,        ///< by `content`
  };
  action what = action::set_aside;
  /// Below the data directory.
  io::path file{};
  byte_range range{};
  std::string content{};
};

struct finding {
  severity level = severity::note;
  /// A word for programs, as "torn_tail".
  std::string_view kind;
  /// Below the data directory.
  io::path file;
  /// For people; ends without a full stop.
  std::string what;
  std::optional<std::uint64_t> position{};
  /// The offsets concerned, both included; the last one may not be known.
  std::optional<model::offset> first_offset{};
  std::optional<model::offset> last_offset{};
  /// Nothing where a repair cannot do anything about it.
  std::vector<repair_step> steps{};
};

/// For a failure that is_unreadable().
[[nodiscard]] finding unreadable_file(severity level, const io::path& file, const base::error& why,
                                      std::vector<repair_step> steps = {});

}  // namespace tidelog::tools
