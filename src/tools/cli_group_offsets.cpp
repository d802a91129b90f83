#include "cli_group.hpp"
#include "group_offsets_file.hpp"
#include "offset_reset.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tidelog/base/clock.hpp"
#include "tidelog/client/admin.hpp"
#include "tidelog/tools/quantity.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <set>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct offsets_arguments {
  std::vector<std::string> groups;
  std::vector<std::string> topics;
  bool all_topics = false;
  bool execute = false;
  bool to_earliest = false;
  bool to_latest = false;
  std::optional<std::int64_t> to_offset;
  std::optional<std::int64_t> shift_by;
  std::string to_time;
  std::string by_duration;
  std::string file;
};

template <class... Args>
auto refuse(fmt::format_string<Args...> format, Args&&... args) {
  return base::fail(std::make_error_code(std::errc::invalid_argument), format, std::forward<Args>(args)...);
}

/// A partition with what is wished for it, and later what comes of that.
struct planned_offset {
  model::topic_partition at;
  reset_target target;
  client::committed_offset before;
  model::offset offset = model::no_offset;
  protocol::error_code code = protocol::error_code::none;
};
struct plan {
  std::string group;
  std::vector<planned_offset> offsets;
};

base::result<reset_target> target_of(const offsets_arguments& wanted) {
  const auto now_ms = base::system_clock().now_ms();
  reset_target target;
  if (wanted.to_earliest) target.kind = reset_kind::earliest;
  if (wanted.to_offset) {
    target.kind = reset_kind::offset;
    target.offset = model::offset(*wanted.to_offset);
  }
  if (wanted.shift_by) {
    target.kind = reset_kind::shift;
    target.distance = *wanted.shift_by;
  }
  if (!wanted.to_time.empty()) {
    target.kind = reset_kind::time;
    TIDELOG_TRY(const auto ms, parse_point_in_time(wanted.to_time, now_ms));
    target.timestamp = model::timestamp(ms);
  }
  if (!wanted.by_duration.empty()) {
    target.kind = reset_kind::time;
    TIDELOG_TRY(const auto ago, parse_reset_duration(wanted.by_duration));
    target.timestamp = model::timestamp(now_ms - ago.count());
  }
  return target;
}

base::status check_reset(const offsets_arguments& wanted) {
  const int targets = (wanted.to_earliest ? 1 : 0) + (wanted.to_latest ? 1 : 0) + (wanted.to_offset ? 1 : 0) +
                      (wanted.shift_by ? 1 : 0) + (wanted.to_time.empty() ? 0 : 1) +
                      (wanted.by_duration.empty() ? 0 : 1) + (wanted.file.empty() ? 0 : 1);
  if (targets != 1) {
    return refuse(
        "say where to, once: --to-earliest, --to-latest, --to-offset, --to-datetime, --by-duration, "
        "--shift-by or --from-file");
  }
  const bool names_topics = wanted.all_topics || !wanted.topics.empty();
  if (wanted.file.empty() && (wanted.all_topics == !wanted.topics.empty()))
    return refuse("say which topics: --topic TOPIC[:PARTITION,...], may be repeated, or --all-topics");
  if (!wanted.file.empty() && names_topics)
    return refuse("the file says which topics: leave out --topic and --all-topics");
  return {};
}

base::result<client::partition_list> chosen_partitions(client::cluster& cluster, const std::string& group,
                                                       const offsets_arguments& wanted) {
  std::set<model::topic_partition> partitions;
  if (wanted.all_topics) {
    TIDELOG_TRY(const auto committed, client::fetch_all_committed(cluster, group));
    for (const auto& one : committed) partitions.insert(one.at);
  }
  for (const auto& text : wanted.topics) {
    TIDELOG_TRY(const auto choice, parse_topic_choice(text));
    for (const auto index : choice.partitions) partitions.insert({choice.topic, index});
    if (!choice.partitions.empty()) continue;
    TIDELOG_TRY(const auto* const topic, cluster.topic(choice.topic));
    for (const auto& partition : topic->partitions) partitions.insert({choice.topic, partition.index});
  }
  return client::partition_list(partitions.begin(), partitions.end());
}

base::result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail_errno(errno, "{}", path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return base::fail_errno(EIO, "{}", path);
  return text;
}

/// The rows of a file as plans: of the groups named, or where none are, of all that the file names.
base::result<std::vector<plan>> plans_of_file(const std::string& path,
                                              const std::vector<std::string>& groups) {
  TIDELOG_TRY(const auto text, read_file(path));
  auto rows = read_group_offsets(text);
  if (!rows) {
    rows.error().context = fmt::format("{}: {}", path, rows.error().context);
    return base::forward_error(rows);
  }
  std::map<std::string, plan> plans;
  std::set<std::string> others;
  for (const auto& row : *rows) {
    if (!row.group && groups.size() != 1)
      return refuse("{} names no groups: give the one that its offsets are for", path);
    const auto& group = row.group ? *row.group : groups.front();
    if (!groups.empty() && std::find(groups.begin(), groups.end(), group) == groups.end()) {
      others.insert(group);
      continue;
    }
    auto& into = plans[group];
    into.group = group;
    into.offsets.push_back(
        {.at = row.at, .target = {.kind = reset_kind::offset, .offset = row.offset}, .before = {}});
  }
  std::vector<plan> list;
  list.reserve(plans.size());
  for (auto& [group, made] : plans) list.push_back(std::move(made));
  if (list.empty() && others.empty()) return refuse("{} has no offsets", path);
  if (list.empty()) {
    return refuse("{} has no offsets of {}, but of {}", path, fmt::join(groups, ", "),
                  fmt::join(others, ", "));
  }
  return list;
}

/// A group that nobody knows yet has no members.
base::status refuse_while_active(client::cluster& cluster, const std::string& group) {
  const auto described = client::describe_groups(cluster, std::span(&group, 1));
  if (!described) {
    if (described.error().code == client::broker_error(protocol::error_code::group_id_not_found)) return {};
    return tl::unexpected(described.error());
  }
  const auto& found = described->front();
  if (found.members.empty()) return {};
  return base::fail(client::broker_error(protocol::error_code::non_empty_group),
                    "group {} is {} with {} member{}, stop them first", group, found.state,
                    found.members.size(), found.members.size() == 1 ? "" : "s");
}

/// Finds out where every wish leads.
base::status work_out(client::cluster& cluster, plan& wanted) {
  TIDELOG_DO(refuse_while_active(cluster, wanted.group));
  client::partition_list partitions;
  for (const auto& one : wanted.offsets) partitions.push_back(one.at);
  TIDELOG_TRY(const auto begins, client::list_offsets(cluster, partitions, client::earliest_offset));
  TIDELOG_TRY(const auto ends, client::list_offsets(cluster, partitions, client::latest_offset));
  TIDELOG_TRY(const auto committed, client::fetch_committed(cluster, wanted.group, partitions,
                                                            client::undecided_offsets::passed_over));
  for (std::size_t i = 0; i < wanted.offsets.size(); ++i) {
    auto& one = wanted.offsets[i];
    one.before = committed[i];
    reset_facts facts{one.at, begins[i].offset, ends[i].offset, committed[i].offset, model::no_offset};
    if (one.target.kind == reset_kind::time) {
      TIDELOG_TRY(const auto found, client::list_offsets(cluster, std::span(&one.at, 1),
                                                         client::offset_query(std::max<std::int64_t>(
                                                             0, one.target.timestamp.value()))));
      facts.at_time = found.front().offset;
    }
    TIDELOG_TRY(one.offset, new_offset(one.target, facts));
  }
  return {};
}

base::status carry_out(client::cluster& cluster, plan& wanted) {
  std::vector<client::committed_offset> offsets;
  for (const auto& one : wanted.offsets)
    offsets.push_back({.at = one.at, .offset = one.offset, .metadata = {}});
  TIDELOG_TRY(const auto outcomes, client::commit_offsets(cluster, wanted.group, offsets, {}));
  for (std::size_t i = 0; i < outcomes.size(); ++i) wanted.offsets[i].code = outcomes[i].code;
  return {};
}

json to_json(const plan& of, const offsets_arguments& wanted) {
  json document{{"group", of.group}, {"executed", wanted.execute}, {"offsets", json::array()}};
  for (const auto& one : of.offsets) {
    const bool was_committed = one.before.offset != model::no_offset;
    document["offsets"].push_back(
        {{"topic", one.at.topic},
         {"partition", one.at.partition.value()},
         {"before", was_committed ? json(one.before.offset.value()) : json(nullptr)},
         {"offset", one.offset.value()}});
    if (one.code != protocol::error_code::none)
      document["offsets"].back()["error"] = protocol::error_name(one.code);
  }
  return document;
}

base::status print_plans(cli_context& context, const std::vector<plan>& plans,
                         const offsets_arguments& wanted) {
  if (context.wants_json()) {
    json list = json::array();
    for (const auto& one : plans) list.push_back(to_json(one, wanted));
    return print_json(list);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& group : plans) {
    for (const auto& one : group.offsets) {
      const bool was_committed = one.before.offset != model::no_offset;
      const bool went_well = one.code == protocol::error_code::none;
      rows.push_back(
          {group.group, one.at.topic, std::to_string(one.at.partition.value()),
           was_committed ? std::to_string(one.before.offset.value()) : "-",
           went_well ? std::to_string(one.offset.value()) : std::string(protocol::error_name(one.code))});
    }
  }
  TIDELOG_DO(print_table({"GROUP", "TOPIC", "PARTITION", "BEFORE", "OFFSET"}, rows));
  return wanted.execute ? base::status{} : print_text("dry run, nothing was changed: --execute does it\n");
}

/// The first partition that failed, after all were told.
base::status first_failure(const std::vector<plan>& plans) {
  for (const auto& group : plans)
    for (const auto& one : group.offsets)
      TIDELOG_DO(client::check_answer(one.code, fmt::format("{}, {}", group.group, one.at.text())));
  return {};
}

base::status finish(cli_context& context, client::cluster& cluster, std::vector<plan>& plans,
                    const offsets_arguments& wanted) {
  for (auto& one : plans) TIDELOG_DO(work_out(cluster, one));
  if (wanted.execute)
    for (auto& one : plans) TIDELOG_DO(carry_out(cluster, one));
  TIDELOG_DO(print_plans(context, plans, wanted));
  return first_failure(plans);
}

base::status run_reset(cli_context& context, const offsets_arguments& wanted) {
  TIDELOG_DO(check_reset(wanted));
  TIDELOG_TRY(const auto target, target_of(wanted));
  std::vector<plan> plans;
  if (!wanted.file.empty()) {
    TIDELOG_TRY(plans, plans_of_file(wanted.file, wanted.groups));
  }
  for (const auto& text : wanted.topics) TIDELOG_DO(parse_topic_choice(text));
  TIDELOG_TRY(auto* const cluster, context.cluster());
  if (wanted.file.empty()) {
    auto& one = plans.emplace_back();
    one.group = wanted.groups.front();
    TIDELOG_TRY(const auto partitions, chosen_partitions(*cluster, one.group, wanted));
    if (partitions.empty())
      return base::fail(std::make_error_code(std::errc::no_such_file_or_directory),
                        "group {} has committed nothing", one.group);
    for (const auto& at : partitions) one.offsets.push_back({.at = at, .target = target, .before = {}});
  }
  return finish(context, *cluster, plans, wanted);
}

base::status run_import(cli_context& context, const offsets_arguments& wanted) {
  TIDELOG_TRY(auto plans, plans_of_file(wanted.file, wanted.groups));
  TIDELOG_TRY(auto* const cluster, context.cluster());
  return finish(context, *cluster, plans, wanted);
}

base::status run_export(cli_context& context, const offsets_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  std::vector<group_offset_row> rows;
  json list = json::array();
  for (const auto& group : wanted.groups) {
    TIDELOG_TRY(const auto committed, client::fetch_all_committed(*cluster, group));
    // The broker does not tell a group without offsets from one that it has never heard of.
    if (committed.empty()) TIDELOG_DO(client::describe_groups(*cluster, std::span(&group, 1)));
    for (const auto& one : committed) {
      rows.push_back({wanted.groups.size() > 1 ? std::optional(group) : std::nullopt, one.at, one.offset});
      list.push_back({{"group", group},
                      {"topic", one.at.topic},
                      {"partition", one.at.partition.value()},
                      {"offset", one.offset.value()}});
    }
  }
  const auto text = context.wants_json() ? list.dump() + "\n" : write_group_offsets(rows);
  if (wanted.file.empty()) return print_text(text);
  std::ofstream file(wanted.file, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return base::fail_errno(errno, "{}", wanted.file);
  return {};
}

base::status run_delete(cli_context& context, const offsets_arguments& wanted) {
  for (const auto& text : wanted.topics) TIDELOG_DO(parse_topic_choice(text));
  TIDELOG_TRY(auto* const cluster, context.cluster());
  const auto& group = wanted.groups.front();
  TIDELOG_TRY(const auto partitions, chosen_partitions(*cluster, group, wanted));
  TIDELOG_TRY(const auto outcomes, client::delete_offsets(*cluster, group, partitions));
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  base::status failure;
  for (const auto& [at, code] : outcomes) {
    const bool went_well = code == protocol::error_code::none;
    if (!went_well && failure) failure = client::check_answer(code, at.text());
    list.push_back({{"topic", at.topic}, {"partition", at.partition.value()}, {"deleted", went_well}});
    rows.push_back({at.topic, std::to_string(at.partition.value()),
                    went_well ? "deleted" : std::string(protocol::error_name(code))});
  }
  TIDELOG_DO(context.wants_json() ? print_json(list) : print_table({"TOPIC", "PARTITION", "OUTCOME"}, rows));
  return failure;
}

using offsets_action = base::status (*)(cli_context&, const offsets_arguments&);

CLI::App* add(CLI::App& offsets, cli_context& context, const std::shared_ptr<offsets_arguments>& wanted,
              const std::string& name, const std::string& description, offsets_action action) {
  auto* const command = offsets.add_subcommand(name, description);
  command->callback([&context, wanted, action] {
    context.action = [&context, wanted, action] { return action(context, *wanted); };
  });
  return command;
}

void add_topic_option(CLI::App& command, offsets_arguments& wanted) {
  command.add_option("--topic", wanted.topics, "TOPIC or TOPIC:PARTITION,...; may be repeated")
      ->allow_extra_args(false);
}

void add_reset(CLI::App& offsets, cli_context& context, const std::shared_ptr<offsets_arguments>& wanted) {
  auto* const reset =
      add(offsets, context, wanted, "reset",
          "Move what a group has committed; shows what would happen unless --execute", run_reset);
  reset->add_option("GROUP", wanted->groups, "Group, which must have no members")->required()->expected(1);
  add_topic_option(*reset, *wanted);
  reset->add_flag("--all-topics", wanted->all_topics, "Everything that the group has committed");
  reset->add_flag("--to-earliest", wanted->to_earliest, "To the beginning of each partition");
  reset->add_flag("--to-latest", wanted->to_latest, "To the end of each partition");
  reset->add_option("--to-offset", wanted->to_offset, "To an offset")->check(CLI::NonNegativeNumber);
  reset
      ->add_option(
          "--to-datetime,--to-timestamp", wanted->to_time,
          "To the first record that is not earlier (2026-03-01T12:30:00Z, 2026-03-01, -15m, milliseconds)")
      ->option_text("WHEN");
  reset->add_option("--by-duration", wanted->by_duration, "To the first record of the last 15m, 2h, PT1H30M")
      ->option_text("DURATION");
  reset->add_option("--shift-by", wanted->shift_by, "So many records on, or with a minus back");
  reset->add_option("--from-file", wanted->file, "To the offsets that a file of export has");
  reset->add_flag("--execute", wanted->execute, "Do it");
  reset->footer(examples({"tidelog group offsets reset billing --topic orders --to-earliest",
                          "tidelog group offsets reset billing --topic orders:0,1 --to-offset 1500 --execute",
                          "tidelog group offsets reset billing --all-topics --by-duration 2h --execute",
                          "tidelog group offsets reset billing --all-topics --shift-by -100 --execute"}));
}

}  // namespace

void add_group_offsets_commands(CLI::App& group, cli_context& context) {
  auto* const offsets =
      group.add_subcommand("offsets", "Reset, export, import and delete what groups have committed");
  offsets->require_subcommand(1)->fallthrough();
  offsets->footer(examples({"tidelog group offsets reset billing --topic orders --to-earliest",
                            "tidelog group offsets export billing --file billing.csv",
                            "tidelog group offsets import billing --file billing.csv --execute",
                            "tidelog group offsets delete billing --topic orders"}));
  const auto wanted = std::make_shared<offsets_arguments>();
  add_reset(*offsets, context, wanted);

  auto* const save =
      add(*offsets, context, wanted, "export",
          "Write offsets as topic,partition,offset, and those of several groups with the group first",
          run_export);
  save->add_option("GROUP", wanted->groups, "Groups")->required();
  save->add_option("--file", wanted->file, "File to write (default: standard output)");
  save->footer(examples({"tidelog group offsets export billing > billing.csv",
                         "tidelog group offsets export billing reports --file groups.csv"}));

  auto* const load =
      add(*offsets, context, wanted, "import",
          "Commit the offsets of a file; shows what would happen unless --execute", run_import);
  load->add_option("GROUP", wanted->groups, "Only these groups, or the group of a file that names none");
  load->add_option("--file", wanted->file, "File to read")->required();
  load->add_flag("--execute", wanted->execute, "Do it");
  load->footer(examples({"tidelog group offsets import billing --file billing.csv",
                         "tidelog group offsets import --file groups.csv --execute"}));

  auto* const remove = add(*offsets, context, wanted, "delete",
                           "Forget what a group has committed for topics that it does not read", run_delete);
  remove->add_option("GROUP", wanted->groups, "Group")->required()->expected(1);
  add_topic_option(*remove, *wanted);
  remove->get_option("--topic")->required();
  remove->footer(examples({"tidelog group offsets delete billing --topic orders",
                           "tidelog group offsets delete billing --topic orders:3 --topic payments"}));
}

}  // namespace tidelog::tools
