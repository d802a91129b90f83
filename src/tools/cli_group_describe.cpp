#include "cli_group.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/tools/quantity.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <thread>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct describe_arguments {
  std::vector<std::string> names;
  bool all = false;
  bool members = false;
  bool state = false;
  std::string rate;
};

/// Records a second, over the time between two looks at the same group.
struct partition_rate {
  double committed = 0;
  double appended = 0;
};

struct group_view {
  const client::group_description* group = nullptr;
  std::vector<partition_lag> lags;
  std::map<model::topic_partition, partition_rate> rates;  ///< empty where none were asked for
};

template <class Number>
std::string or_dash(const std::optional<Number>& number) {
  return number ? std::to_string(*number) : "-";
}
std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}
template <class Value>
json or_null(const std::optional<Value>& value) {
  return value ? json(*value) : json(nullptr);
}

std::optional<std::int64_t> committed_of(const partition_lag& lag) {
  return lag.committed ? std::optional(lag.committed->offset.value()) : std::nullopt;
}
std::optional<std::int64_t> end_of(const partition_lag& lag) {
  return lag.end ? std::optional(lag.end->value()) : std::nullopt;
}

json partitions_json(const client::partition_list& partitions) {
  json list = json::array();
  for (const auto& at : partitions)
    list.push_back({{"topic", at.topic}, {"partition", at.partition.value()}});
  return list;
}

json member_json(const client::member_description& member) {
  json document{{"member", member.id},
                {"instance", or_null(member.instance_id)},
                {"client_id", member.client_id},
                {"host", member.host},
                {"rack", or_null(member.rack)},
                {"topics", member.topics},
                {"assigned", partitions_json(member.assigned)}};
  if (member.topic_pattern) document["topic_pattern"] = *member.topic_pattern;
  if (member.epoch >= 0) document["epoch"] = member.epoch;
  if (member.awaited) document["awaited"] = partitions_json(*member.awaited);
  return document;
}

json lag_json(const group_view& view, const partition_lag& lag) {
  json document{{"topic", lag.at.topic},
                {"partition", lag.at.partition.value()},
                {"committed", or_null(committed_of(lag))},
                {"end", or_null(end_of(lag))},
                {"lag", or_null(lag.lag())},
                {"member", lag.reader != nullptr ? json(lag.reader->id) : json(nullptr)}};
  if (lag.committed) {
    document["leader_epoch"] = lag.committed->leader_epoch.value();
    document["metadata"] = lag.committed->metadata;
  }
  if (const auto rate = view.rates.find(lag.at); rate != view.rates.end()) {
    document["committed_per_s"] = rate->second.committed;
    document["appended_per_s"] = rate->second.appended;
  }
  return document;
}

json to_json(const group_view& view) {
  const auto& group = *view.group;
  json document{
      {"group", group.id},           {"type", group.type},         {"protocol_type", group.protocol_type},
      {"state", group.state},        {"assignor", group.assignor}, {"coordinator", group.coordinator.value()},
      {"lag", total_lag(view.lags)}, {"members", json::array()},   {"offsets", json::array()}};
  if (group.group_epoch >= 0) {
    document["group_epoch"] = group.group_epoch;
    document["assignment_epoch"] = group.assignment_epoch;
  }
  for (const auto& member : group.members) document["members"].push_back(member_json(member));
  for (const auto& lag : view.lags) document["offsets"].push_back(lag_json(view, lag));
  return document;
}

base::status print_lags(const group_view& view) {
  std::vector<std::string> headings{"TOPIC", "PARTITION", "COMMITTED", "END", "LAG"};
  const bool with_rates = !view.rates.empty();
  if (with_rates) headings.insert(headings.end(), {"COMMITTED/S", "APPENDED/S"});
  headings.insert(headings.end(), {"MEMBER", "HOST", "CLIENT"});
  std::vector<std::vector<std::string>> rows;
  partition_rate sum;
  for (const auto& lag : view.lags) {
    auto& row = rows.emplace_back();
    row = {lag.at.topic, std::to_string(lag.at.partition.value()), or_dash(committed_of(lag)),
           or_dash(end_of(lag)), or_dash(lag.lag())};
    if (with_rates) {
      const auto found = view.rates.find(lag.at);
      const auto rate = found != view.rates.end() ? found->second : partition_rate{};
      row.insert(row.end(), {fmt::format("{:.1f}", rate.committed), fmt::format("{:.1f}", rate.appended)});
      sum.committed += rate.committed;
      sum.appended += rate.appended;
    }
    const auto* const reader = lag.reader;
    row.insert(row.end(), {reader != nullptr ? reader->id : "-", reader != nullptr ? reader->host : "-",
                           reader != nullptr ? or_dash(reader->client_id) : "-"});
  }
  if (rows.empty()) return print_text("nothing is committed or assigned\n");
  TIDELOG_DO(print_table(headings, rows));
  auto total = fmt::format("total lag {} over {} partition{}", total_lag(view.lags), rows.size(),
                           rows.size() == 1 ? "" : "s");
  if (with_rates)
    total += fmt::format(", {:.1f} committed/s, {:.1f} appended/s", sum.committed, sum.appended);
  return print_text(total + "\n");
}

base::status print_members(const client::group_description& group) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& member : group.members) {
    rows.push_back({member.id, member.instance_id.value_or("-"), member.host, or_dash(member.client_id),
                    std::to_string(member.assigned.size()), partitions_for_people(member.assigned)});
  }
  if (rows.empty()) return print_text("no members\n");
  return print_table({"MEMBER", "INSTANCE", "HOST", "CLIENT", "PARTITIONS", "ASSIGNED"}, rows);
}

base::status print_states(const std::vector<group_view>& views) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& view : views) {
    const auto& group = *view.group;
    rows.push_back({group.id, group.type, group.state, or_dash(group.protocol_type), or_dash(group.assignor),
                    std::to_string(group.coordinator.value()),
                    group.group_epoch >= 0 ? std::to_string(group.group_epoch) : "-",
                    std::to_string(group.members.size()), std::to_string(total_lag(view.lags))});
  }
  return print_table(
      {"GROUP", "TYPE", "STATE", "PROTOCOL", "ASSIGNOR", "COORDINATOR", "EPOCH", "MEMBERS", "LAG"}, rows);
}

base::status print_view(const group_view& view, const describe_arguments& wanted) {
  const auto& group = *view.group;
  TIDELOG_DO(print_text(fmt::format("{}  {}, {}{}, {} member{}\n", group.id, group.type, group.state,
                                    group.assignor.empty() ? "" : ", assignor " + group.assignor,
                                    group.members.size(), group.members.size() == 1 ? "" : "s")));
  return wanted.members ? print_members(group) : print_lags(view);
}

/// Looks a second time and puts the differences into the views.
base::status measure_rates(client::cluster& cluster, std::chrono::milliseconds between,
                           std::chrono::steady_clock::time_point first_look, std::vector<group_view>& views) {
  std::this_thread::sleep_until(first_look + between);
  for (auto& view : views) {
    const auto before = std::move(view.lags);
    TIDELOG_TRY(view.lags, look_up_lags(cluster, *view.group));
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - first_look;
    std::map<model::topic_partition, const partition_lag*> earlier;
    for (const auto& lag : before) earlier[lag.at] = &lag;
    for (const auto& lag : view.lags) {
      auto& rate = view.rates[lag.at];
      const auto place = earlier.find(lag.at);
      if (place == earlier.end()) continue;
      const auto& then = *place->second;
      if (lag.committed && then.committed)
        rate.committed = static_cast<double>(lag.committed->offset - then.committed->offset) / passed.count();
      if (lag.end && then.end) rate.appended = static_cast<double>(*lag.end - *then.end) / passed.count();
    }
  }
  return {};
}

/// Brokers do not agree on how they write the names of types.
bool is_one_of(std::string_view name, std::initializer_list<std::string_view> known) {
  return std::any_of(known.begin(), known.end(), [name](std::string_view one) {
    return std::equal(name.begin(), name.end(), one.begin(), one.end(),
                      [](unsigned char left, unsigned char right) { return std::tolower(left) == right; });
  });
}

base::status run_describe(cli_context& context, const describe_arguments& wanted) {
  if (wanted.names.empty() == !wanted.all) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "name the groups to describe, or give --all");
  }
  std::chrono::milliseconds between{0};
  if (!wanted.rate.empty()) {
    TIDELOG_TRY(between, parse_duration(wanted.rate));
  }
  TIDELOG_TRY(auto* const cluster, context.cluster());
  auto names = wanted.names;
  if (wanted.all) {
    TIDELOG_TRY(const auto groups, client::list_groups(*cluster, {}));
    // Groups of other types have no offsets of this kind.
    for (const auto& group : groups)
      if (group.type.empty() || is_one_of(group.type, {"classic", "consumer"})) names.push_back(group.id);
  }
  if (names.empty()) return context.wants_json() ? print_json(json::array()) : print_text("no groups\n");
  TIDELOG_TRY(const auto groups, client::describe_groups(*cluster, names));
  const auto first_look = std::chrono::steady_clock::now();
  std::vector<group_view> views;
  for (const auto& group : groups) {
    auto& view = views.emplace_back();
    view.group = &group;
    TIDELOG_TRY(view.lags, look_up_lags(*cluster, group));
  }
  if (between.count() > 0) TIDELOG_DO(measure_rates(*cluster, between, first_look, views));
  if (context.wants_json()) {
    json list = json::array();
    for (const auto& view : views) list.push_back(to_json(view));
    return print_json(list);
  }
  if (wanted.state) return print_states(views);
  for (const auto& view : views) {
    if (&view != &views.front()) TIDELOG_DO(print_text("\n"));
    TIDELOG_DO(print_view(view, wanted));
  }
  return {};
}

}  // namespace

void add_group_describe_command(CLI::App& group, cli_context& context) {
  auto* const describe =
      group.add_subcommand("describe", "Lag of each partition, members and state of groups");
  const auto wanted = std::make_shared<describe_arguments>();
  describe->add_option("GROUP", wanted->names, "Groups to describe");
  describe->add_flag("--all", wanted->all, "All groups");
  auto* const members =
      describe->add_flag("--members", wanted->members, "Members with what they are assigned");
  describe->add_flag("--state", wanted->state, "State, assignor, coordinator and totals")->excludes(members);
  describe
      ->add_option(
          "--rate", wanted->rate,
          "Look twice, so far apart (5s), and tell how many records a second were committed and appended")
      ->option_text("DURATION");
  describe->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_describe(context, *wanted); }; });
  describe->footer(
      examples({"tidelog group describe billing", "tidelog group describe billing --members",
                "tidelog group describe --all --state", "tidelog group describe billing --rate 5s",
                "tidelog group describe billing -o json"}));
}

}  // namespace tidelog::tools
