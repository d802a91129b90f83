#pragma once
// What the two ways to consume share: alone, and as a member of a group.

#include "cli_context.hpp"
#include "record_printer.hpp"

#include "tidelog/client/admin.hpp"

#include <limits>
#include <optional>

namespace tidelog::tools {

struct consume_arguments {
  std::string topic;
  std::vector<std::int32_t> partitions;
  std::string from = "beginning";
  std::string format = "%v\\n";
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  bool follow = false;
  protocol::isolation_level isolation = protocol::isolation_level::read_uncommitted;
  std::string group;
  std::string instance_id;
};

/// Where to begin: a place that the broker knows, a number, or so many records before the end.
struct starting_point {
  std::optional<client::offset_query> query;
  std::optional<std::int64_t> offset;
  std::int64_t before_end = 0;
};

/// A partition with where its reading begins, between its beginning and its end.
struct placed_partition {
  model::topic_partition at;
  model::offset begin;
  model::offset from;
  model::offset end;
};

/// One for each of `at`, in the same order. A number may lie outside of the partition, and is left there.
[[nodiscard]] base::result<std::vector<placed_partition>> place(client::cluster& cluster,
                                                                std::span<const model::topic_partition> at,
                                                                const starting_point& start);

[[nodiscard]] client::fetch_options fetch_options_of(const consume_arguments& wanted);
/// Forgets the partitions that have been read to their ends.
void drop_finished(client::fetcher& fetcher, std::map<model::topic_partition, model::offset>& ends);

/// Reads as a member of the group, and commits what has been written out.
[[nodiscard]] base::status consume_in_group(client::cluster& cluster, const consume_arguments& wanted,
                                            const starting_point& start, record_printer& printer);

}  // namespace tidelog::tools
