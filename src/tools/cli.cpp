#include "tidelog/tools/cli.hpp"

#include "cli_context.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include "tidelog/tools/exit_code.hpp"

#include <cstdio>
#include <map>

namespace tidelog::tools {
namespace {

void add_global_options(CLI::App& root, cli_context& context, std::string_view version) {
  root.add_option("-b,--bootstrap", context.bootstrap,
                  "Brokers to connect to: HOST[:PORT],... IPv6 as [::1]:9092")
      ->envname("TIDELOG_BOOTSTRAP")
      ->capture_default_str();
  const std::map<std::string, output_format> formats{{"human", output_format::human},
                                                     {"json", output_format::json}};
  root.add_option("-o,--output", context.output, "human or json (one document; consume and log: one a line)")
      ->transform(CLI::CheckedTransformer(formats).description(""))
      ->option_text("FORMAT [human]");
  root.add_option("--timeout", context.timeout, "How long to try before giving up")->capture_default_str();
  root.set_version_flag("--version", fmt::format("tidelog {}", version));
}

/// Where the context says it all, the name of its code would only repeat it.
std::string message_of(const base::error& failure) {
  // The generic category stands for what the tools themselves refuse; errors of system calls have their own.
  const bool says_all =
      failure.code.category() == std::generic_category() || failure.code == client::client_errc::no_broker;
  return says_all && !failure.context.empty() ? failure.context : failure.describe();
}

int report(const base::error& failure, const cli_context& context) {
  const auto code = static_cast<int>(exit_code_of(failure));
  if (context.wants_json()) {
    const nlohmann::json document{
        {"error", {{"message", message_of(failure)}, {"code", failure.code.value()}, {"exit_code", code}}}};
    std::fprintf(stderr, "%s\n",
                 document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "tidelog: %s\n", message_of(failure).c_str());
  }
  return code;
}

}  // namespace

int run_tidelog(int argument_count, const char* const* arguments, std::string_view version) {
  cli_context context;
  CLI::App root(
      "Works with tidelogd and any other broker that speaks the Apache Kafka protocol: topics, configs, "
      "records,\n"
      "consumer groups, and the files of a data directory.",
      "tidelog");
  // Commands take this over from their parent when they are made: global options may stand behind them.
  root.fallthrough();
  add_global_options(root, context, version);
  add_topic_commands(root, context);
  add_config_commands(root, context);
  add_produce_command(root, context);
  add_consume_command(root, context);
  add_offset_commands(root, context);
  add_group_commands(root, context);
  add_transaction_commands(root, context);
  add_record_commands(root, context);
  add_cluster_commands(root, context);
  add_log_commands(root, context);
  root.require_subcommand(1);
  root.footer(exit_code_help() + "\n" +
              examples({"tidelog topic create orders --partitions 3", "tidelog produce orders < orders.txt",
                        "tidelog consume orders --count 10", "tidelog topic create --help"}));
  try {
    root.parse(argument_count, arguments);
  } catch (const CLI::Success& asked) {
    return root.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "tidelog: %s\nRun with --help for more information.\n", wrong.what());
    return static_cast<int>(exit_code::usage);
  }
  if (const auto done = context.action(); !done) return report(done.error(), context);
  return static_cast<int>(interrupted() ? exit_code::interrupted : context.found);
}

}  // namespace tidelog::tools
