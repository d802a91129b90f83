#pragma once
// The parts of `tidelog group`, each in a file of its own.

#include "cli_context.hpp"

#include "tidelog/client/group_admin.hpp"

namespace tidelog::tools {

void add_group_describe_command(CLI::App& group, cli_context& context);
void add_group_offsets_commands(CLI::App& group, cli_context& context);

/// What a group has committed for a partition, and how far that is from its end.
struct partition_lag {
  model::topic_partition at;
  std::optional<client::committed_offset> committed;
  std::optional<model::offset> end;                    ///< none where the topic is not there any more
  const client::member_description* reader = nullptr;  ///< in the description that the lag was made with

  [[nodiscard]] std::optional<std::int64_t> lag() const;
};

/// Partitions that are committed or assigned, in order. `of` must outlive the answer.
[[nodiscard]] base::result<std::vector<partition_lag>> look_up_lags(client::cluster& in,
                                                                    const client::group_description& of);
/// Sums up what is known.
[[nodiscard]] std::int64_t total_lag(const std::vector<partition_lag>& lags);

/// "orders:0,1 payments:3", for people; "-" where there are none.
[[nodiscard]] std::string partitions_for_people(const client::partition_list& partitions);

}  // namespace tidelog::tools
