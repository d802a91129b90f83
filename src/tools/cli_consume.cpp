#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/base/clock.hpp"
#include "tidelog/client/admin.hpp"
#include "tidelog/client/fetcher.hpp"
#include "tidelog/tools/quantity.hpp"
#include "tidelog/tools/record_format.hpp"

#include <charconv>
#include <limits>
#include <unistd.h>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct consume_arguments {
  std::string topic;
  std::vector<std::int32_t> partitions;
  std::string from = "beginning";
  std::string format = "%v\\n";
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  bool follow = false;
  protocol::isolation_level isolation = protocol::isolation_level::read_uncommitted;
};

/// Where to begin: a place that the broker knows, a number, or so many records before the end.
struct starting_point {
  std::optional<client::offset_query> query;
  std::optional<std::int64_t> offset;
  std::int64_t before_end = 0;
};

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
  consumption(const cli_context& context, client::cluster& cluster, const consume_arguments& wanted,
              record_format format)
      : context_(context),
        wanted_(wanted),
        format_(std::move(format)),
        fetcher_(cluster, options_of(wanted)) {}

  base::status assign(client::cluster& cluster, const starting_point& start) {
    TIDELOG_TRY(const auto* const topic, cluster.topic(wanted_.topic));
    std::vector<model::topic_partition> partitions;
    for (const auto index : wanted_.partitions)
      partitions.push_back({wanted_.topic, model::partition_index(index)});
    if (partitions.empty())
      for (const auto& partition : topic->partitions) partitions.push_back({wanted_.topic, partition.index});
    TIDELOG_TRY(const auto ends, client::list_offsets(cluster, partitions, client::latest_offset));
    TIDELOG_TRY(const auto begins, client::list_offsets(cluster, partitions, client::earliest_offset));
    auto froms = ends;
    if (start.query && *start.query != client::latest_offset) {
      TIDELOG_TRY(froms, client::list_offsets(cluster, partitions, *start.query));
    }
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      auto from = start.offset ? model::offset(*start.offset) : froms[i].offset;
      // No record is that late: what comes next is the first.
      if (from == model::no_offset) from = ends[i].offset;
      if (start.before_end > 0) from = std::max(begins[i].offset, from - start.before_end);
      ends_[partitions[i]] = ends[i].offset;
      if (wanted_.follow || from < ends[i].offset) fetcher_.assign(partitions[i], from);
    }
    return {};
  }

  base::status run() {
    watch_for_interrupt();
    progress_line progress;
    const client::record_visitor visit = [this](const client::fetched_record& record) {
      return take(record);
    };
    while (fetcher_.has_partitions() && printed_ < wanted_.count && !interrupted()) {
      TIDELOG_TRY([[maybe_unused]] const auto came, fetcher_.poll(visit));
      TIDELOG_DO(flush());
      if (!wanted_.follow) drop_finished();
      // Where the records go to the same terminal, they are progress enough.
      if (::isatty(STDOUT_FILENO) == 0 && progress.is_due())
        progress.show(fmt::format("{} records", printed_));
    }
    return {};
  }

 private:
  static client::fetch_options options_of(const consume_arguments& wanted) {
    client::fetch_options options;
    options.isolation = wanted.isolation;
    return options;
  }

  base::result<client::after_record> take(const client::fetched_record& record) {
    using client::after_record;
    // What was appended after the start is for those who follow.
    if (!wanted_.follow && record.offset >= ends_.at(record.at)) return after_record::go_on;
    if (printed_ == wanted_.count) return after_record::stop;
    if (context_.wants_json()) {
      append_json(record);
    } else {
      format_.print({record.at.topic, record.at.partition, record.offset, record.timestamp, record.record},
                    text_);
    }
    ++printed_;
    constexpr std::size_t enough = 256 * 1024;
    if (text_.size() >= enough) TIDELOG_DO(flush());
    return printed_ == wanted_.count ? after_record::stop : after_record::go_on;
  }

  void append_json(const client::fetched_record& record) {
    json document{{"topic", record.at.topic},
                  {"partition", record.at.partition.value()},
                  {"offset", record.offset.value()},
                  {"timestamp", record.timestamp.value()}};
    const auto put = [](json& into, const std::string& name, const model::nullable_bytes& bytes) {
      if (bytes) {
        put_bytes(into, name, *bytes);
      } else {
        into[name] = nullptr;
      }
    };
    put(document, "key", record.record.key);
    put(document, "value", record.record.value);
    json headers = json::array();
    model::record_header_reader reader(record.record);
    while (const auto header = reader.next()) {
      json one;
      put_bytes(one, "name", header->key);
      put(one, "value", header->value);
      headers.push_back(std::move(one));
    }
    if (!headers.empty()) document["headers"] = std::move(headers);
    text_ += document.dump();
    text_ += '\n';
  }

  base::status flush() {
    auto printed = text_.empty() ? base::status{} : print_text(text_);
    text_.clear();
    return printed;
  }

  void drop_finished() {
    std::erase_if(ends_, [this](const auto& entry) {
      if (!fetcher_.has(entry.first)) return true;
      // Behind an open transaction, read-committed ends before the end.
      const auto readable = fetcher_.readable_end(entry.first);
      const auto end = readable == model::no_offset ? entry.second : std::min(readable, entry.second);
      if (fetcher_.position(entry.first) < end) return false;
      fetcher_.unassign(entry.first);
      return true;
    });
  }

  const cli_context& context_;
  const consume_arguments& wanted_;
  record_format format_;
  client::fetcher fetcher_;
  std::map<model::topic_partition, model::offset> ends_;
  std::uint64_t printed_ = 0;
  std::string text_;
};

base::status run_consume(cli_context& context, const consume_arguments& wanted) {
  TIDELOG_TRY(auto format, record_format::parse(wanted.format));
  TIDELOG_TRY(const auto start, parse_start(wanted.from));
  TIDELOG_TRY(auto* const cluster, context.cluster());
  consumption work(context, *cluster, wanted, std::move(format));
  TIDELOG_DO(work.assign(*cluster, start));
  return work.run();
}

}  // namespace

void add_consume_command(CLI::App& root, cli_context& context) {
  auto* const consume = root.add_subcommand("consume", "Print records of a topic");
  const auto wanted = std::make_shared<consume_arguments>();
  consume->add_option("TOPIC", wanted->topic, "Topic")->required();
  consume->add_option("-p,--partition", wanted->partitions, "Only these partitions; may be repeated")
      ->allow_extra_args(false);
  consume
      ->add_option("--from", wanted->from,
                   "beginning, end, end-N (the last N of each partition), an offset, or time:WHEN\n"
                   "(time:2026-03-01T12:30:00Z, time:2026-03-01, time:-15m, time:MILLISECONDS)")
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
  consume->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_consume(context, *wanted); }; });
  consume->footer(examples({"tidelog consume orders", "tidelog consume orders --from end --follow",
                            "tidelog consume orders --from time:-1h --format '%T %k: %v\\n'",
                            "tidelog consume orders --partition 0 --from 1500 --count 10 -o json"}));
}

}  // namespace tidelog::tools
