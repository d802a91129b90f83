#include "cli_consume.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/tools/quantity.hpp"

#include <charconv>
#include <unistd.h>

namespace tidelog::tools {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc{} || rest != end || value < 0) return std::nullopt;
  return value;
}

base::result<starting_point> parse_start(std::string_view text) {
  starting_point start;
  constexpr std::string_view before_end = "end-";
  constexpr std::string_view time = "time:";
  if (text == "beginning") {
    start.query = client::earliest_offset;
  } else if (text == "end") {
    start.query = client::latest_offset;
  } else if (text.starts_with(before_end) && number(text.substr(before_end.size()))) {
    start.query = client::latest_offset;
    start.before_end = *number(text.substr(before_end.size()));
  } else if (text.starts_with(time)) {
    TIDELOG_TRY(const auto ms, parse_point_in_time(text.substr(time.size()), base::system_clock().now_ms()));
    start.query = client::offset_query(ms);
  } else if (const auto offset = number(text)) {
    start.offset = offset;
  } else {
    return base::fail(
        std::make_error_code(std::errc::invalid_argument),
        "\"{}\" is no place to begin: beginning, end, end-10, an offset, time:2026-03-01T12:30:00Z", text);
  }
  return start;
}

class consumption {
 public:
  consumption(client::cluster& cluster, const consume_arguments& wanted, record_printer& printer)
      : wanted_(wanted), printer_(printer), fetcher_(cluster, fetch_options_of(wanted)) {}

  base::status assign(client::cluster& cluster, const starting_point& start) {
    TIDELOG_TRY(const auto* const topic, cluster.topic(wanted_.topic));
    std::vector<model::topic_partition> partitions;
    for (const auto index : wanted_.partitions)
      partitions.push_back({wanted_.topic, model::partition_index(index)});
    if (partitions.empty())
      for (const auto& partition : topic->partitions) partitions.push_back({wanted_.topic, partition.index});
    TIDELOG_TRY(const auto placed, place(cluster, partitions, start));
    for (const auto& one : placed) {
      ends_[one.at] = one.end;
      if (wanted_.follow || one.from < one.end) fetcher_.assign(one.at, one.from);
    }
    return {};
  }

  base::status run() {
    watch_for_interrupt();
    progress_line progress;
    const client::record_visitor visit = [this](const client::fetched_record& record) {
      return take(record);
    };
    while (fetcher_.has_partitions() && printer_.count() < wanted_.count && !interrupted()) {
      TIDELOG_TRY([[maybe_unused]] const auto came, fetcher_.poll(visit));
      TIDELOG_DO(printer_.flush());
      if (!wanted_.follow) drop_finished(fetcher_, ends_);
      // Where the records go to the same terminal, they are progress enough.
      if (::isatty(STDOUT_FILENO) == 0 && progress.is_due())
        progress.show(fmt::format("{} records", printer_.count()));
    }
    return {};
  }

 private:
  base::result<client::after_record> take(const client::fetched_record& record) {
    using client::after_record;
    // What was appended after the start is for those who follow.
    if (!wanted_.follow && record.offset >= ends_.at(record.at)) return after_record::go_on;
    if (printer_.count() == wanted_.count) return after_record::stop;
    TIDELOG_DO(printer_.add(record));
    return printer_.count() == wanted_.count ? after_record::stop : after_record::go_on;
  }

  const consume_arguments& wanted_;
  record_printer& printer_;
  client::fetcher fetcher_;
  std::map<model::topic_partition, model::offset> ends_;
};

base::status run_consume(cli_context& context, const consume_arguments& wanted) {
  TIDELOG_TRY(auto format, record_format::parse(wanted.format));
  TIDELOG_TRY(const auto start, parse_start(wanted.from));
  TIDELOG_TRY(auto* const cluster, context.cluster());
  record_printer printer(context.output, std::move(format));
  if (!wanted.group.empty()) return consume_in_group(*cluster, wanted, start, printer);
  consumption work(*cluster, wanted, printer);
  TIDELOG_DO(work.assign(*cluster, start));
  return work.run();
}

}  // namespace

base::result<std::vector<placed_partition>> place(client::cluster& cluster,
                                                  std::span<const model::topic_partition> at,
                                                  const starting_point& start) {
  TIDELOG_TRY(const auto ends, client::list_offsets(cluster, at, client::latest_offset));
  TIDELOG_TRY(const auto begins, client::list_offsets(cluster, at, client::earliest_offset));
  auto froms = ends;
  if (start.query && *start.query != client::latest_offset) {
    TIDELOG_TRY(froms, client::list_offsets(cluster, at, *start.query));
  }
  std::vector<placed_partition> placed;
  for (std::size_t i = 0; i < at.size(); ++i) {
    auto from = start.offset ? model::offset(*start.offset) : froms[i].offset;
    // No record is that late: what comes next is the first.
    if (from == model::no_offset) from = ends[i].offset;
    if (start.before_end > 0) from = std::max(begins[i].offset, from - start.before_end);
    placed.push_back({at[i], begins[i].offset, from, ends[i].offset});
  }
  return placed;
}

client::fetch_options fetch_options_of(const consume_arguments& wanted) {
  client::fetch_options options;
  options.isolation = wanted.isolation;
  return options;
}

void drop_finished(client::fetcher& fetcher, std::map<model::topic_partition, model::offset>& ends) {
  std::erase_if(ends, [&fetcher](const auto& entry) {
    if (!fetcher.has(entry.first)) return true;
    // Behind an open transaction, read-committed ends before the end.
    const auto readable = fetcher.readable_end(entry.first);
    const auto end = readable == model::no_offset ? entry.second : std::min(readable, entry.second);
    if (fetcher.position(entry.first) < end) return false;
    fetcher.unassign(entry.first);
    return true;
  });
}

void add_consume_command(CLI::App& root, cli_context& context) {
  auto* const consume = root.add_subcommand("consume", "Print records of a topic");
  const auto wanted = std::make_shared<consume_arguments>();
  consume->add_option("TOPIC", wanted->topic, "Topic")->required();
  auto* const partitions =
      consume->add_option("-p,--partition", wanted->partitions, "Only these partitions; may be repeated")
          ->allow_extra_args(false);
  consume
      ->add_option("--from", wanted->from,
                   "beginning, end, end-N (the last N of each partition), an offset, or time:WHEN\n"
                   "(time:2026-03-01T12:30:00Z, time:2026-03-01, time:-15m, time:MILLISECONDS);\n"
                   "with --group, where the group has committed nothing")
      ->capture_default_str();
  consume->add_option("-n,--count", wanted->count, "Stop after so many records")->option_text("N");
  consume->add_flag("-f,--follow", wanted->follow, "Go on with what comes, until Ctrl-C");
  consume
      ->add_option("--format", wanted->format,
                   "%k key  %v value  %K %V their bytes (-1: null)  %t topic  %p partition  %o offset\n"
                   "%T timestamp  %h headers  %% percent  \\n \\t \\0 \\xHH")
      ->capture_default_str();
  const std::map<std::string, protocol::isolation_level> levels{
      {"read-uncommitted", protocol::isolation_level::read_uncommitted},
      {"read-committed", protocol::isolation_level::read_committed}};
  consume->add_option("--isolation", wanted->isolation, "read-uncommitted or read-committed")
      ->transform(CLI::CheckedTransformer(levels).description(""))
      ->option_text("LEVEL [read-uncommitted]");
  auto* const group =
      consume
          ->add_option("-g,--group", wanted->group,
                       "Read as a member of this group, sharing the partitions with the others,\n"
                       "and commit what has been written out")
          ->excludes(partitions);
  consume
      ->add_option("--instance", wanted->instance_id,
                   "Be a static member of the group: keep the partitions over a restart")
      ->needs(group);
  consume->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_consume(context, *wanted); }; });
  consume->footer(examples({"tidelog consume orders", "tidelog consume orders --from end --follow",
                            "tidelog consume orders --from time:-1h --format '%T %k: %v\\n'",
                            "tidelog consume orders --partition 0 --from 1500 --count 10 -o json",
                            "tidelog consume orders --group billing --follow"}));
}

}  // namespace tidelog::tools
