#include "bench_group.hpp"
#include "bench_options.hpp"
#include "cli_context.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include "tidelog/tools/cli.hpp"
#include "tidelog/tools/exit_code.hpp"
#include "tidelog/tools/quantity.hpp"

#include <cstdio>
#include <map>

namespace tidelog::tools {
namespace {

/// Options as they are written, before they are understood.
struct bench_texts {
  std::string batch_bytes = "16KiB";
  std::string record_bytes = "1KiB";
  std::string fetch_bytes = "1MiB";
  std::string fill_bytes = "256MiB";
  std::string warm_up = "2s";
  std::string duration = "10s";
  std::string heartbeat_interval = "3s";
  std::vector<std::string> topic_configs;
};

base::status understand(const bench_texts& texts, bench_options& into) {
  TIDELOG_TRY(into.batch_bytes, parse_size(texts.batch_bytes));
  TIDELOG_TRY(into.record_bytes, parse_size(texts.record_bytes));
  TIDELOG_TRY(into.fetch_bytes, parse_size(texts.fetch_bytes));
  TIDELOG_TRY(into.fill_bytes, parse_size(texts.fill_bytes));
  TIDELOG_TRY(into.warm_up, parse_duration(texts.warm_up));
  TIDELOG_TRY(into.duration, parse_duration(texts.duration));
  TIDELOG_TRY(into.heartbeat_interval, parse_duration(texts.heartbeat_interval));
  if (into.heartbeat_interval.count() <= 0) {
    return base::fail(std::make_error_code(std::errc::invalid_argument), "--interval: must be longer than 0");
  }
  constexpr std::size_t largest = std::size_t{1} << 30;
  if (into.batch_bytes > largest || into.record_bytes > largest || into.fetch_bytes > largest) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "batches, records and fetches of more than 1 GiB are not made");
  }
  for (const auto& config : texts.topic_configs) {
    TIDELOG_TRY(auto pair, split_pair(config));
    into.topic_configs.push_back({std::move(pair.first), std::move(pair.second)});
  }
  if (into.threads > into.connections) into.threads = into.connections;
  return {};
}

void add_options(CLI::App& root, bench_options& options, bench_texts& texts) {
  root.add_option("-b,--bootstrap", options.bootstrap, "Brokers to connect to: HOST[:PORT],...")
      ->envname("TIDELOG_BOOTSTRAP")
      ->capture_default_str();
  root.add_option("-t,--topic", options.topic, "Made where it is missing")->capture_default_str();
  root.add_option("--partitions", options.partition_count, "Of a topic that is made")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  root.add_option("--topic-config", texts.topic_configs,
                  "NAME=VALUE of a topic that is made; may be repeated")
      ->allow_extra_args(false);
  root.add_flag("--delete-topic", options.delete_topic, "Delete the topic at the end");
  root.add_option("-c,--connections", options.connections,
                  "Connections; round-trip: pairs, each with its partition")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  root.add_option("--threads", options.threads, "Threads that the connections are spread over")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  root.add_option("--batch-bytes", texts.batch_bytes, "Size of a batch, header included")
      ->capture_default_str();
  root.add_option("--record-bytes", texts.record_bytes, "Size of a value")->capture_default_str();
  const std::map<std::string, model::compression_type> compressions{
      {"none", model::compression_type::none},
      {"gzip", model::compression_type::gzip},
      {"snappy", model::compression_type::snappy},
      {"lz4", model::compression_type::lz4},
      {"zstd", model::compression_type::zstd}};
  root.add_option("-z,--compression", options.compression, "none, gzip, snappy, lz4 or zstd")
      ->transform(CLI::CheckedTransformer(compressions).description(""))
      ->option_text("NAME [none]");
  root.add_option(
          "--rate", options.rate,
          "Requests a second of all connections together (open loop): latency then counts from when a\n"
          "request should have left. 0: the next leaves when an answer has come (closed loop)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  root.add_option("--warm-up", texts.warm_up, "Not measured")->capture_default_str();
  root.add_option("--duration", texts.duration, "Measured")->capture_default_str();
  root.add_option("--server-pid", options.server_pid, "Broker on this machine whose processor time is told");
  const std::map<std::string, bool> formats{{"human", false}, {"json", true}};
  root.add_option("-o,--output", options.json, "human or json (a document a line)")
      ->transform(CLI::CheckedTransformer(formats).description(""))
      ->option_text("FORMAT [human]");
}

/// Runs and prints.
using bench_program = std::function<base::status(client::cluster&, const bench_options&)>;

base::status print(const bench_options& wanted, const std::vector<bench_report>& reports) {
  for (const auto& report : reports) {
    TIDELOG_DO(wanted.json ? print_json(to_json(wanted, report)) : print_text(to_text(wanted, report)));
  }
  return {};
}

base::status print(const bench_options& wanted, const group_report& report) {
  return wanted.json ? print_json(report.document) : print_text(report.text);
}

template <class Program>
bench_program printing(Program program) {
  return [program](client::cluster& cluster, const bench_options& wanted) -> base::status {
    TIDELOG_TRY(const auto report, program(cluster, wanted));
    return print(wanted, report);
  };
}

base::status run(const bench_options& wanted, const bench_program& program) {
  TIDELOG_TRY(auto addresses, client::parse_bootstrap(wanted.bootstrap));
  client::cluster_options options;
  options.connection.client_id = "tidelog-bench";
  TIDELOG_TRY(const auto cluster, client::cluster::connect(std::move(addresses), options));
  const auto done = program(*cluster, wanted);
  // The topic goes also when the run failed.
  base::status deleted;
  if (wanted.delete_topic) deleted = client::delete_topic(*cluster, wanted.topic);
  return done ? deleted : done;
}

}  // namespace

int run_bench(int argument_count, const char* const* arguments, std::string_view version) {
  bench_options options;
  bench_texts texts;
  bench_program program;
  CLI::App root("Puts load on a broker that speaks the Apache Kafka protocol and tells what it made of it.",
                "tidelog-bench");
  root.fallthrough();
  root.set_version_flag("--version", fmt::format("tidelog-bench {}", version));
  add_options(root, options, texts);
  const auto add = [&](const char* name, const char* description, auto chosen) {
    auto* const command = root.add_subcommand(name, description);
    command->callback([&options, &program, name, chosen] {
      options.program = name;
      program = printing(chosen);
    });
    return command;
  };
  const std::map<std::string, client::acks> acknowledgements{{"all", client::acks::all},
                                                             {"-1", client::acks::all},
                                                             {"1", client::acks::leader},
                                                             {"0", client::acks::none}};
  const auto add_acks = [&](CLI::App* command) {
    command->add_option("-a,--acks", options.acks, "all, 1 or 0")
        ->transform(CLI::CheckedTransformer(acknowledgements).description(""))
        ->option_text("ACKS [all]");
  };
  const auto add_depth = [&](CLI::App* command) {
    command->add_option("-d,--depth", options.depth, "Requests under way on each connection")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
  };
  auto* const produce = add("produce", "Send the same batch again and again", bench_produce);
  add_acks(produce);
  add_depth(produce);
  produce->footer(
      examples({"tidelog-bench produce --connections 4 --depth 4 --batch-bytes 256KiB",
                "tidelog-bench produce --rate 10000 --connections 8 --server-pid $(pidof tidelogd)",
                "tidelog-bench produce --topic-config flush.messages=9223372036854775807 --delete-topic"}));
  auto* const fetch = add("fetch", "Read a topic over and over and throw the bytes away", bench_fetch);
  add_depth(fetch);
  fetch->add_option("--fetch-bytes", texts.fetch_bytes, "Most bytes of an answer")->capture_default_str();
  fetch->add_option("--fill-bytes", texts.fill_bytes, "Send so much first where the topic has less")
      ->capture_default_str();
  fetch->footer(examples({"tidelog-bench fetch --connections 2 --depth 2 --batch-bytes 256KiB"}));
  auto* const round_trip =
      add("round-trip", "One batch at a time, from produce to a waiting fetch", bench_round_trip);
  add_acks(round_trip);
  round_trip->footer(examples({"tidelog-bench round-trip --batch-bytes 1KiB --rate 1000"}));
  add_group_programs(root, options, texts.heartbeat_interval,
                     [&program](group_program chosen) { program = printing(chosen); });
  root.require_subcommand(1);
  root.footer(exit_code_help() + "\n" + examples({"tidelog-bench produce", "tidelog-bench fetch --help"}));
  try {
    root.parse(argument_count, arguments);
  } catch (const CLI::Success& asked) {
    return root.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "tidelog-bench: %s\nRun with --help for more information.\n", wrong.what());
    return static_cast<int>(exit_code::usage);
  }
  auto done = understand(texts, options);
  if (done) done = run(options, program);
  if (!done) {
    std::fprintf(stderr, "tidelog-bench: %s\n", done.error().describe().c_str());
    return static_cast<int>(exit_code_of(done.error()));
  }
  return static_cast<int>(interrupted() ? exit_code::interrupted : exit_code::done);
}

}  // namespace tidelog::tools
