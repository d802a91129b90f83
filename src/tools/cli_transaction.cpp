#include "cli_transaction.hpp"

#include "cli_group.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/base/clock.hpp"
#include "tidelog/tools/quantity.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct list_arguments {
  std::vector<std::string> states;
  std::vector<std::int64_t> producers;
  std::string older_than;
  std::optional<std::string> pattern;
};
struct describe_arguments {
  std::vector<std::string> ids;
};
struct producers_arguments {
  std::string topic;
  std::vector<std::int32_t> partitions;
};

base::status run_list(cli_context& context, const list_arguments& wanted) {
  client::transaction_filter filter;
  filter.states = wanted.states;
  for (const auto id : wanted.producers) filter.producers.emplace_back(id);
  if (!wanted.older_than.empty()) {
    TIDELOG_TRY(filter.open_for, parse_transaction_age(wanted.older_than));
  }
  filter.id_pattern = wanted.pattern;
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto transactions, client::list_transactions(*cluster, filter));
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : transactions) {
    list.push_back({{"transactional_id", one.id},
                    {"coordinator", one.coordinator.value()},
                    {"producer_id", one.producer.value()},
                    {"state", one.state}});
    rows.push_back(
        {one.id, std::to_string(one.coordinator.value()), std::to_string(one.producer.value()), one.state});
  }
  if (context.wants_json()) return print_json(list);
  if (rows.empty()) return print_text("no transactions\n");
  return print_table({"TRANSACTIONAL ID", "COORDINATOR", "PRODUCER", "STATE"}, rows);
}

/// Nothing where none is open.
std::optional<std::chrono::milliseconds> age_of_open(const client::transaction_description& one) {
  const bool is_open = one.state == "Ongoing" || one.state.starts_with("Prepare");
  if (!is_open || !one.start) return std::nullopt;
  return age_of(*one.start);
}

json to_json(const client::transaction_description& one) {
  const auto age = age_of_open(one);
  json document{{"transactional_id", one.id},
                {"coordinator", one.coordinator.value()},
                {"state", one.state},
                {"producer_id", one.producer.value()},
                {"producer_epoch", one.epoch.value()},
                {"timeout_ms", one.timeout.count()},
                {"start_time", one.start ? json(one.start->value()) : json(nullptr)},
                {"age_ms", age ? json(age->count()) : json(nullptr)},
                {"partitions", json::array()}};
  for (const auto& at : one.partitions)
    document["partitions"].push_back({{"topic", at.topic}, {"partition", at.partition.value()}});
  return document;
}

base::status run_describe(cli_context& context, const describe_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto described, client::describe_transactions(*cluster, wanted.ids));
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : described) {
    const auto age = age_of_open(one);
    list.push_back(to_json(one));
    rows.push_back({one.id, std::to_string(one.coordinator.value()), one.state,
                    std::to_string(one.producer.value()), std::to_string(one.epoch.value()),
                    age_for_people(one.timeout), one.start ? time_for_people(one.start->value()) : "-",
                    age ? age_for_people(*age) : "-", partitions_for_people(one.partitions)});
  }
  if (context.wants_json()) return print_json(list);
  return print_table({"TRANSACTIONAL ID", "COORDINATOR", "STATE", "PRODUCER", "EPOCH", "TIMEOUT", "STARTED",
                      "AGE", "PARTITIONS"},
                     rows);
}

std::string text_or_dash(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

std::optional<std::int64_t> coordinator_epoch_of(const client::known_producer& producer) {
  return producer.coordinator_epoch;
}

json or_null(const std::optional<std::int64_t>& number) {
  return number ? json(*number) : json(nullptr);
}

base::status run_producers(cli_context& context, const producers_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto topic, look_up_topic(*cluster, wanted.topic, wanted.partitions));
  TIDELOG_TRY(const auto partitions, client::describe_producers(*cluster, std::span(&topic, 1)));
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  std::vector<client::partition_answer> unseen;
  for (const auto& [outcome, producers] : partitions) {
    if (outcome.error != protocol::error_code::none) unseen.push_back(outcome);
    for (const auto& one : producers) {
      const auto coordinator_epoch = coordinator_epoch_of(one);
      const auto open_from = open_from_of(one);
      const bool wrote = one.last_write != model::no_timestamp;
      list.push_back({{"topic", outcome.at.topic},
                      {"partition", outcome.at.partition.value()},
                      {"producer_id", one.id.value()},
                      {"producer_epoch", one.epoch.value()},
                      {"last_sequence", one.last_sequence.value()},
                      {"last_timestamp", wrote ? json(one.last_write.value()) : json(nullptr)},
                      {"coordinator_epoch", or_null(coordinator_epoch)},
                      {"transaction_start_offset", or_null(open_from)}});
      rows.push_back({outcome.at.topic, std::to_string(outcome.at.partition.value()),
                      std::to_string(one.id.value()), std::to_string(one.epoch.value()),
                      std::to_string(one.last_sequence.value()),
                      wrote ? time_for_people(one.last_write.value()) : "-", text_or_dash(coordinator_epoch),
                      text_or_dash(open_from)});
    }
  }
  if (context.wants_json()) {
    TIDELOG_DO(print_json(list));
  } else if (rows.empty()) {
    TIDELOG_DO(print_text("no producers\n"));
  } else {
    TIDELOG_DO(print_table({"TOPIC", "PARTITION", "PRODUCER", "EPOCH", "LAST SEQUENCE", "LAST WRITE",
                            "COORDINATOR EPOCH", "OPEN FROM"},
                           rows));
  }
  return check_seen(unseen);
}

void add_list(CLI::App& transaction, cli_context& context) {
  auto* const list = transaction.add_subcommand("list", "List transactional ids");
  const auto wanted = std::make_shared<list_arguments>();
  list->add_option("--state", wanted->states,
                   "Only those in this state (Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit,\n"
                   "CompleteAbort); may be repeated")
      ->allow_extra_args(false);
  list->add_option("--producer-id", wanted->producers, "Only those with this producer id; may be repeated")
      ->allow_extra_args(false);
  list->add_option("--older-than", wanted->older_than,
                   "Only transactions that have been open for longer: milliseconds, or 15m, 2h")
      ->option_text("DURATION");
  list->add_option("--pattern", wanted->pattern, "A regular expression that the whole id must match")
      ->option_text("RE");
  list->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_list(context, *wanted); }; });
  list->footer(
      examples({"tidelog transaction list", "tidelog transaction list --state Ongoing --older-than 5m",
                "tidelog transaction list --pattern 'loader-.*' -o json"}));
}

}  // namespace

base::result<std::chrono::milliseconds> parse_transaction_age(std::string_view text) {
  const bool is_bare = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  return parse_duration(is_bare ? fmt::format("{}ms", text) : std::string(text));
}

std::chrono::milliseconds age_of(model::timestamp at) {
  return std::chrono::milliseconds(std::max<std::int64_t>(0, base::system_clock().now_ms() - at.value()));
}

base::result<client::topic_metadata> look_up_topic(client::cluster& in, const std::string& name,
                                                   std::span<const std::int32_t> partitions) {
  TIDELOG_TRY(auto topic, in.topic_as_it_is(name));
  const auto count = topic.partitions.size();
  const auto is_wanted = [&partitions](const auto& one) {
    return partitions.empty() ||
           std::find(partitions.begin(), partitions.end(), one.index.value()) != partitions.end();
  };
  for (const auto wish : partitions) {
    if (wish < 0 || static_cast<std::size_t>(wish) >= count) {
      return base::fail(client::client_errc::unknown_partition, "{}: {} has {} partitions, numbered from 0",
                        wish, name, count);
    }
  }
  std::erase_if(topic.partitions, [&is_wanted](const auto& one) { return !is_wanted(one); });
  return topic;
}

base::status check_seen(std::span<const client::partition_answer> unseen) {
  if (unseen.empty()) return {};
  const auto& first = unseen.front();
  auto what = first.at.text();
  if (unseen.size() > 1)
    what += fmt::format(", one of {} partitions that could not be looked at", unseen.size());
  return client::check_answer(first.error, what, first.message);
}

std::optional<std::int64_t> open_from_of(const client::known_producer& producer) {
  if (!producer.open_from) return std::nullopt;
  return producer.open_from->value();
}

void add_transaction_commands(CLI::App& root, cli_context& context) {
  auto* const transaction =
      root.add_subcommand("transaction", "Transactional producers, and transactions that hang");
  transaction->require_subcommand(1)->fallthrough();
  transaction->footer(examples({"tidelog transaction list", "tidelog transaction describe loader",
                                "tidelog transaction producers orders", "tidelog transaction find-hanging",
                                "tidelog transaction abort orders --partition 0 --start-offset 1500"}));
  add_list(*transaction, context);

  auto* const describe = transaction->add_subcommand(
      "describe", "State, producer, timeout, age and partitions of transactional ids");
  const auto described = std::make_shared<describe_arguments>();
  describe->add_option("ID", described->ids, "Transactional ids to describe")->required();
  describe->callback([&context, described] {
    context.action = [&context, described] { return run_describe(context, *described); };
  });
  describe->footer(
      examples({"tidelog transaction describe loader", "tidelog transaction describe loader mover -o json"}));

  auto* const producers = transaction->add_subcommand(
      "producers", "Producers that the partitions of a topic know, and where their transactions begin");
  const auto looked_at = std::make_shared<producers_arguments>();
  producers->add_option("TOPIC", looked_at->topic, "Topic")->required();
  producers->add_option("-p,--partition", looked_at->partitions, "Only these partitions; may be repeated")
      ->allow_extra_args(false);
  producers->callback([&context, looked_at] {
    context.action = [&context, looked_at] { return run_producers(context, *looked_at); };
  });
  producers->footer(examples({"tidelog transaction producers orders",
                              "tidelog transaction producers orders --partition 0 -o json"}));

  add_hanging_commands(*transaction, context);
}

}  // namespace tidelog::tools
