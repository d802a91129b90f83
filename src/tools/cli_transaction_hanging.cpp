// Transactions that hang: open in a partition, where they hold up whoever reads only what is committed, and forgotten by
// their coordinator.

#include "cli_transaction.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/base/clock.hpp"
#include "tidelog/tools/quantity.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct abort_arguments {
  std::string topic;
  std::int32_t partition = -1;
  std::optional<std::int64_t> start_offset;
  std::optional<std::int64_t> producer;
  std::int16_t producer_epoch = -1;
  std::int32_t coordinator_epoch = -1;
};
struct find_arguments {
  std::vector<std::string> topics;
  std::string timeout = "900000";
};

/// Names the open transactions that there are when the one asked for is none of them.
tl::unexpected<base::error> no_such_transaction(const client::partition_producers& in, std::int64_t offset) {
  std::string open;
  for (const auto& producer : in.producers)
    if (const auto from = open_from_of(producer))
      open += fmt::format("{}{}", open.empty() ? "" : ", ", *from);
  return base::fail(std::make_error_code(std::errc::no_such_file_or_directory),
                    "no open transaction of {} begins at {}; {}", in.outcome.at.text(), offset,
                    open.empty() ? "none is open there" : "those that are open begin at " + open);
}

base::result<client::partition_transaction> find_open(client::cluster& cluster, const abort_arguments& wanted,
                                                      std::int64_t offset) {
  TIDELOG_TRY(const auto topic, look_up_topic(cluster, wanted.topic, std::span(&wanted.partition, 1)));
  TIDELOG_TRY(const auto partitions, client::describe_producers(cluster, std::span(&topic, 1)));
  const auto& [outcome, producers] = partitions.front();
  TIDELOG_DO(check_seen(std::span(&outcome, outcome.error == protocol::error_code::none ? 0 : 1)));
  const auto found = std::find_if(producers.begin(), producers.end(),
                                  [offset](const auto& one) { return open_from_of(one) == offset; });
  if (found == producers.end()) return no_such_transaction(partitions.front(), offset);
  // Before its first marker the partition knows of no coordinator: any may end the transaction.
  return client::partition_transaction{outcome.at, found->id, found->epoch,
                                       found->coordinator_epoch.value_or(0)};
}

base::status run_abort(cli_context& context, const abort_arguments& wanted) {
  if (wanted.start_offset.has_value() == wanted.producer.has_value()) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "name one transaction: by --start-offset, or by --producer-id, --producer-epoch and "
                      "--coordinator-epoch; tidelog transaction find-hanging tells them");
  }
  TIDELOG_TRY(auto* const cluster, context.cluster());
  client::partition_transaction target{{wanted.topic, model::partition_index(wanted.partition)},
                                       model::producer_id(wanted.producer.value_or(-1)),
                                       model::producer_epoch(wanted.producer_epoch),
                                       wanted.coordinator_epoch};
  if (wanted.start_offset) {
    TIDELOG_TRY(target, find_open(*cluster, wanted, *wanted.start_offset));
  }
  TIDELOG_DO(client::abort_transaction(*cluster, target));
  if (context.wants_json()) {
    return print_json({{"topic", target.at.topic},
                       {"partition", target.at.partition.value()},
                       {"producer_id", target.producer.value()},
                       {"producer_epoch", target.epoch.value()},
                       {"coordinator_epoch", target.coordinator_epoch},
                       {"aborted", true}});
  }
  return print_text(fmt::format("aborted the transaction of producer {}, epoch {}, in {}\n",
                                target.producer.value(), target.epoch.value(), target.at.text()));
}

base::result<std::vector<client::topic_metadata>> topics_to_search(client::cluster& cluster,
                                                                   const find_arguments& wanted) {
  if (wanted.topics.empty()) return cluster.all_topics();
  std::vector<client::topic_metadata> topics;
  for (const auto& name : wanted.topics) {
    TIDELOG_TRY(auto topic, cluster.topic_as_it_is(name));
    topics.push_back(std::move(topic));
  }
  return topics;
}

json to_json(const client::hanging_transaction& one) {
  return {{"topic", one.at.topic},
          {"partition", one.at.partition.value()},
          {"start_offset", one.producer.open_from->value()},
          {"producer_id", one.producer.id.value()},
          {"producer_epoch", one.producer.epoch.value()},
          {"coordinator_epoch", one.producer.coordinator_epoch.value_or(0)},
          {"last_timestamp", one.producer.last_write.value()},
          {"age_ms", age_of(one.producer.last_write).count()},
          {"transactional_id", one.id.empty() ? json(nullptr) : json(one.id)}};
}

base::status print_found(const std::vector<client::hanging_transaction>& found) {
  if (found.empty()) return print_text("no hanging transactions\n");
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : found) {
    const auto& producer = one.producer;
    rows.push_back({one.at.topic, std::to_string(one.at.partition.value()),
                    std::to_string(producer.open_from->value()), std::to_string(producer.id.value()),
                    std::to_string(producer.epoch.value()), time_for_people(producer.last_write.value()),
                    age_for_people(age_of(producer.last_write)), one.id.empty() ? "-" : one.id});
  }
  TIDELOG_DO(print_table(
      {"TOPIC", "PARTITION", "START OFFSET", "PRODUCER", "EPOCH", "LAST WRITE", "AGE", "TRANSACTIONAL ID"},
      rows));
  const auto& first = found.front();
  return print_text(fmt::format("to end one: tidelog transaction abort {} --partition {} --start-offset {}\n",
                                first.at.topic, first.at.partition.value(),
                                first.producer.open_from->value()));
}

base::status run_find(cli_context& context, const find_arguments& wanted) {
  TIDELOG_TRY(const auto timeout, parse_transaction_age(wanted.timeout));
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto topics, topics_to_search(*cluster, wanted));
  const model::timestamp quiet_since(base::system_clock().now_ms() - timeout.count());
  TIDELOG_TRY(const auto search, client::find_hanging(*cluster, topics, quiet_since));
  if (context.wants_json()) {
    json list = json::array();
    for (const auto& one : search.found) list.push_back(to_json(one));
    TIDELOG_DO(print_json(list));
  } else {
    TIDELOG_DO(print_found(search.found));
  }
  return check_seen(search.unseen);
}

void add_abort(CLI::App& transaction, cli_context& context) {
  auto* const abort = transaction.add_subcommand(
      "abort", "End a transaction in one partition: one that find-hanging tells, not one that runs");
  const auto wanted = std::make_shared<abort_arguments>();
  abort->add_option("TOPIC", wanted->topic, "Topic")->required();
  abort->add_option("-p,--partition", wanted->partition, "Partition")
      ->check(CLI::NonNegativeNumber)
      ->required();
  abort->add_option("--start-offset", wanted->start_offset, "Where the transaction begins")
      ->check(CLI::NonNegativeNumber);
  auto* const id =
      abort->add_option("--producer-id", wanted->producer, "Its producer")->check(CLI::NonNegativeNumber);
  auto* const epoch = abort->add_option("--producer-epoch", wanted->producer_epoch, "The producer's epoch")
                          ->check(CLI::NonNegativeNumber)
                          ->needs(id);
  auto* const coordinator =
      abort
          ->add_option("--coordinator-epoch", wanted->coordinator_epoch,
                       "The epoch of the coordinator that the partition knows, 0 where it knows none")
          ->check(CLI::NonNegativeNumber)
          ->needs(id);
  id->needs(epoch, coordinator);
  abort->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_abort(context, *wanted); }; });
  abort->footer(examples({"tidelog transaction abort orders --partition 0 --start-offset 1500",
                          "tidelog transaction abort orders --partition 0 --producer-id 7 --producer-epoch 2 "
                          "--coordinator-epoch 0"}));
}

}  // namespace

void add_hanging_commands(CLI::App& transaction, cli_context& context) {
  add_abort(transaction, context);
  auto* const find = transaction.add_subcommand(
      "find-hanging", "Find transactions that partitions hold open and no coordinator is going to end");
  const auto wanted = std::make_shared<find_arguments>();
  find->add_option("--topic", wanted->topics, "Only this topic; may be repeated")->allow_extra_args(false);
  find->add_option(
          "--max-transaction-timeout", wanted->timeout,
          "Transactions that were written to more recently may be on their way: milliseconds, or 15m")
      ->option_text("DURATION [900000]");
  find->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_find(context, *wanted); }; });
  find->footer(examples({"tidelog transaction find-hanging",
                         "tidelog transaction find-hanging --topic orders --max-transaction-timeout 5m",
                         "tidelog transaction find-hanging -o json"}));
}

}  // namespace tidelog::tools
