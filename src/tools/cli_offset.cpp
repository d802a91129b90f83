#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/base/clock.hpp"
#include "tidelog/client/admin.hpp"
#include "tidelog/tools/quantity.hpp"

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct offset_arguments {
  std::vector<std::string> topics;
  std::vector<std::int32_t> partitions;
  std::string at;
  std::string before;
};

base::result<client::offset_query> parse_query(const std::string& text) {
  if (text == "beginning") return client::earliest_offset;
  if (text == "end") return client::latest_offset;
  if (text == "max-timestamp") return client::max_timestamp_offset;
  TIDELOG_TRY(const auto ms, parse_point_in_time(text, base::system_clock().now_ms()));
  return client::offset_query(ms);
}

base::result<std::vector<model::topic_partition>> partitions_of(client::cluster& cluster,
                                                                const std::string& topic,
                                                                const std::vector<std::int32_t>& wanted) {
  TIDELOG_TRY(const auto* const known, cluster.topic(topic));
  std::vector<model::topic_partition> partitions;
  if (wanted.empty()) {
    for (const auto& partition : known->partitions) partitions.push_back({topic, partition.index});
  }
  for (const auto index : wanted) partitions.push_back({topic, model::partition_index(index)});
  return partitions;
}

base::status list_between(cli_context& context, client::cluster& cluster,
                          const std::vector<model::topic_partition>& partitions) {
  TIDELOG_TRY(const auto begin, client::list_offsets(cluster, partitions, client::earliest_offset));
  TIDELOG_TRY(const auto end, client::list_offsets(cluster, partitions, client::latest_offset));
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto& at = partitions[i];
    const auto first = begin[i].offset.value();
    const auto last = end[i].offset.value();
    list.push_back(
        {{"topic", at.topic}, {"partition", at.partition.value()}, {"begin", first}, {"end", last}});
    rows.push_back({at.topic, std::to_string(at.partition.value()), std::to_string(first),
                    std::to_string(last), std::to_string(last - first)});
  }
  if (context.wants_json()) return print_json(list);
  return print_table({"TOPIC", "PARTITION", "BEGIN", "END", "BETWEEN"}, rows);
}

base::status list_at(cli_context& context, client::cluster& cluster,
                     const std::vector<model::topic_partition>& partitions, client::offset_query query) {
  TIDELOG_TRY(const auto found, client::list_offsets(cluster, partitions, query));
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : found) {
    const bool is_none = one.offset == model::no_offset;
    const bool has_time = one.timestamp != model::no_timestamp;
    list.push_back({{"topic", one.at.topic},
                    {"partition", one.at.partition.value()},
                    {"offset", is_none ? json(nullptr) : json(one.offset.value())},
                    {"timestamp", has_time ? json(one.timestamp.value()) : json(nullptr)}});
    rows.push_back({one.at.topic, std::to_string(one.at.partition.value()),
                    is_none ? "none" : std::to_string(one.offset.value()),
                    has_time ? std::to_string(one.timestamp.value()) : "-"});
  }
  if (context.wants_json()) return print_json(list);
  return print_table({"TOPIC", "PARTITION", "OFFSET", "TIMESTAMP"}, rows);
}

base::status run_list(cli_context& context, const offset_arguments& wanted) {
  std::optional<client::offset_query> query;
  if (!wanted.at.empty()) {
    TIDELOG_TRY(query, parse_query(wanted.at));
  }
  TIDELOG_TRY(auto* const cluster, context.cluster());
  std::vector<model::topic_partition> partitions;
  for (const auto& topic : wanted.topics) {
    TIDELOG_TRY(const auto more, partitions_of(*cluster, topic, wanted.partitions));
    partitions.insert(partitions.end(), more.begin(), more.end());
  }
  return query ? list_at(context, *cluster, partitions, *query) : list_between(context, *cluster, partitions);
}

base::status run_delete(cli_context& context, const offset_arguments& wanted) {
  const bool by_number = wanted.before.find_first_not_of("0123456789") == std::string::npos;
  std::optional<client::offset_query> query;
  if (!by_number) {
    TIDELOG_TRY(query, parse_query(wanted.before));
  }
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto partitions, partitions_of(*cluster, wanted.topics.front(), wanted.partitions));
  if (by_number && partitions.size() != 1) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "{} has {} partitions: an offset means one of them, which --partition names",
                      wanted.topics.front(), partitions.size());
  }
  json list = json::array();
  for (const auto& at : partitions) {
    auto before = model::no_offset;
    if (by_number) {
      TIDELOG_TRY(const auto number, parse_size(wanted.before));
      before = model::offset(static_cast<std::int64_t>(number));
    } else if (*query != client::latest_offset) {
      TIDELOG_TRY(const auto found, client::list_offsets(*cluster, std::span(&at, 1), *query));
      // No record is that late: everything lies before the point in time, which is what -1 says.
      before = found.front().offset;
    }
    TIDELOG_TRY(const auto start, client::delete_records(*cluster, at, before));
    list.push_back({{"topic", at.topic}, {"partition", at.partition.value()}, {"begin", start.value()}});
    if (!context.wants_json())
      TIDELOG_DO(print_text(
          fmt::format("{} partition {} now begins at {}\n", at.topic, at.partition.value(), start.value())));
  }
  return context.wants_json() ? print_json(list) : base::status{};
}

}  // namespace

void add_offset_commands(CLI::App& root, cli_context& context) {
  auto* const offset = root.add_subcommand("offset", "Where partitions begin and end, and where a time is");
  offset->require_subcommand(1)->fallthrough();
  offset->footer(examples({"tidelog offset list orders", "tidelog offset list orders --at -1h"}));
  const auto wanted = std::make_shared<offset_arguments>();
  auto* const list = offset->add_subcommand("list", "List offsets of topics");
  list->add_option("TOPIC", wanted->topics, "Topics")->required();
  list->add_option("-p,--partition", wanted->partitions, "Only these partitions; may be repeated")
      ->allow_extra_args(false);
  list->add_option(
      "--at", wanted->at,
      "beginning, end, max-timestamp, or a time (2026-03-01T12:30:00Z, 2026-03-01, -15m, milliseconds):\n"
      "the first record that is not earlier");
  list->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_list(context, *wanted); }; });
  list->footer(examples({"tidelog offset list orders payments", "tidelog offset list orders --at 2026-03-01",
                         "tidelog offset list orders --at max-timestamp -o json"}));
}

void add_record_commands(CLI::App& root, cli_context& context) {
  auto* const record = root.add_subcommand("record", "Delete records");
  record->require_subcommand(1)->fallthrough();
  record->footer(examples({"tidelog record delete orders --before -7d"}));
  const auto wanted = std::make_shared<offset_arguments>();
  auto* const remove = record->add_subcommand("delete", "Delete the records before an offset or a time");
  remove->add_option("TOPIC", wanted->topics, "Topic")->required()->expected(1);
  remove->add_option("-p,--partition", wanted->partitions, "Only these partitions; may be repeated")
      ->allow_extra_args(false);
  remove
      ->add_option("--before", wanted->before,
                   "An offset, end (everything), or a time (2026-03-01T12:30:00Z, 2026-03-01, -15m)")
      ->required();
  remove->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_delete(context, *wanted); }; });
  remove->footer(
      examples({"tidelog record delete orders --partition 0 --before 1500",
                "tidelog record delete orders --before -7d", "tidelog record delete orders --before end"}));
}

}  // namespace tidelog::tools
