#pragma once
// Offsets of groups as comma-separated values, the form that Kafka's own group tool reads and writes:
//
//   topic,partition,offset            of one group, which the reader must know
//   group,topic,partition,offset      of several
//
// A field may stand in double quotes, and then has its own ones doubled. There is no heading.

#include "tidelog/base/result.hpp"
#include "tidelog/model/types.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::tools {

struct group_offset_row {
  std::optional<std::string> group;  ///< none in a file of one group
  model::topic_partition at;
  model::offset offset;
};

[[nodiscard]] std::string write_group_offsets(std::span<const group_offset_row> rows);
/// Fails with invalid_argument, naming the line. All rows of a file have the same form.
[[nodiscard]] base::result<std::vector<group_offset_row>> read_group_offsets(std::string_view text);

}  // namespace tidelog::tools
