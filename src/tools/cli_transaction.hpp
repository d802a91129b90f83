#pragma once
// The parts of `tidelog transaction`, each in a file of its own.

#include "cli_context.hpp"

#include "tidelog/client/transaction_admin.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::tools {

/// abort and find-hanging.
void add_hanging_commands(CLI::App& transaction, cli_context& context);

/// As parse_duration, but a bare number is milliseconds, as in Kafka's settings of transactions.
[[nodiscard]] base::result<std::chrono::milliseconds> parse_transaction_age(std::string_view text);

/// How long ago that was; never negative, whichever of two clocks is ahead.
[[nodiscard]] std::chrono::milliseconds age_of(model::timestamp at);

/// A topic with only these of its partitions, or with all where none are named. Fails with unknown_topic or
/// unknown_partition.
[[nodiscard]] base::result<client::topic_metadata> look_up_topic(client::cluster& in, const std::string& name,
                                                                 std::span<const std::int32_t> partitions);

/// Nothing to say where all could be looked at; otherwise why the first could not, and how many it is one of.
[[nodiscard]] base::status check_seen(std::span<const client::partition_answer> unseen);

/// Where the producer's open transaction begins.
[[nodiscard]] std::optional<std::int64_t> open_from_of(const client::known_producer& producer);

}  // namespace tidelog::tools
