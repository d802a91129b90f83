#include "cli_group.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/client/admin.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct list_arguments {
  client::group_filter filter;
};
struct delete_arguments {
  std::vector<std::string> names;
  bool tolerant = false;  ///< --if-exists
};

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

base::status run_list(cli_context& context, const list_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto groups, client::list_groups(*cluster, wanted.filter));
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& group : groups) {
    list.push_back({{"group", group.id},
                    {"type", group.type},
                    {"protocol_type", group.protocol_type},
                    {"state", group.state}});
    rows.push_back({group.id, or_dash(group.type), or_dash(group.protocol_type), or_dash(group.state)});
  }
  if (context.wants_json()) return print_json(list);
  if (rows.empty()) return print_text("no groups\n");
  return print_table({"GROUP", "TYPE", "PROTOCOL", "STATE"}, rows);
}

base::status run_delete(cli_context& context, const delete_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto outcomes, client::delete_groups(*cluster, wanted.names));
  json list = json::array();
  // All of them are told, whichever fails first.
  base::status failure;
  for (const auto& [name, code] : outcomes) {
    const bool is_missing = code == protocol::error_code::group_id_not_found;
    list.push_back({{"group", name}, {"deleted", code == protocol::error_code::none}});
    if (code != protocol::error_code::none && !(is_missing && wanted.tolerant)) {
      list.back()["error"] = protocol::error_name(code);
      if (failure) failure = client::check_answer(code, name);
      continue;
    }
    if (!context.wants_json())
      TIDELOG_DO(print_text(fmt::format("{} {}\n", is_missing ? "there is no" : "deleted", name)));
  }
  if (context.wants_json()) TIDELOG_DO(print_json(list));
  return failure;
}

}  // namespace

std::optional<std::int64_t> partition_lag::lag() const {
  if (!committed || !end) return std::nullopt;
  // What is committed may lie beyond an end that was asked for a moment earlier, or that a topic made anew has.
  return std::max<std::int64_t>(0, *end - committed->offset);
}

base::result<std::vector<partition_lag>> look_up_lags(client::cluster& in,
                                                      const client::group_description& of) {
  std::map<model::topic_partition, partition_lag> lags;
  TIDELOG_TRY(auto committed, client::fetch_all_committed(in, of.id));
  for (auto& one : committed) {
    auto& lag = lags[one.at];
    lag.committed = std::move(one);
  }
  for (const auto& member : of.members)
    for (const auto& at : member.assigned) lags[at].reader = &member;
  TIDELOG_TRY(const auto topics, in.all_topics());
  std::map<std::string, std::int32_t> partition_counts;
  for (const auto& topic : topics)
    partition_counts[topic.name] = static_cast<std::int32_t>(topic.partitions.size());
  client::partition_list there;
  for (auto& [at, lag] : lags) {
    lag.at = at;
    const auto count = partition_counts.find(at.topic);
    if (count != partition_counts.end() && at.partition.value() < count->second) there.push_back(at);
  }
  TIDELOG_TRY(const auto ends, client::list_offsets(in, there, client::latest_offset));
  for (const auto& end : ends) lags[end.at].end = end.offset;
  std::vector<partition_lag> ordered;
  ordered.reserve(lags.size());
  for (auto& [at, lag] : lags) ordered.push_back(std::move(lag));
  return ordered;
}

std::int64_t total_lag(const std::vector<partition_lag>& lags) {
  std::int64_t total = 0;
  for (const auto& one : lags) total += one.lag().value_or(0);
  return total;
}

std::string partitions_for_people(const client::partition_list& partitions) {
  std::string text;
  const std::string* topic = nullptr;
  for (const auto& at : partitions) {
    if (topic == nullptr || *topic != at.topic) {
      text += fmt::format("{}{}:{}", text.empty() ? "" : " ", at.topic, at.partition.value());
    } else {
      text += fmt::format(",{}", at.partition.value());
    }
    topic = &at.topic;
  }
  return text.empty() ? "-" : text;
}

void add_group_commands(CLI::App& root, cli_context& context) {
  auto* const group = root.add_subcommand("group", "Consumer groups: members, lag and committed offsets");
  group->require_subcommand(1)->fallthrough();
  group->footer(examples({"tidelog group list", "tidelog group describe billing",
                          "tidelog group offsets reset billing --topic orders --to-earliest --execute",
                          "tidelog group delete billing"}));

  auto* const list = group->add_subcommand("list", "List groups");
  const auto listed = std::make_shared<list_arguments>();
  list->add_option("--state", listed->filter.states,
                   "Only groups in this state (Stable, Empty, PreparingRebalance, CompletingRebalance,\n"
                   "Assigning, Reconciling, Dead); may be repeated")
      ->allow_extra_args(false);
  list->add_option("--type", listed->filter.types,
                   "Only groups of this type (classic, consumer); may be repeated")
      ->allow_extra_args(false);
  list->callback(
      [&context, listed] { context.action = [&context, listed] { return run_list(context, *listed); }; });
  list->footer(examples({"tidelog group list", "tidelog group list --state Empty --type classic",
                         "tidelog group list -o json"}));

  add_group_describe_command(*group, context);

  auto* const remove = group->add_subcommand("delete", "Delete groups without members, with their offsets");
  const auto removed = std::make_shared<delete_arguments>();
  remove->add_option("GROUP", removed->names, "Groups to delete")->required();
  remove->add_flag("--if-exists", removed->tolerant, "A group that is not there is no error");
  remove->callback([&context, removed] {
    context.action = [&context, removed] { return run_delete(context, *removed); };
  });
  remove->footer(
      examples({"tidelog group delete billing", "tidelog group delete billing reports --if-exists"}));

  add_group_offsets_commands(*group, context);
}

}  // namespace tidelog::tools
