#include "bench_group.hpp"
#include "cli_context.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <map>

namespace tidelog::tools {
namespace {

/// Options of all programs that would be read and ignored are refused.
void refuse_options(const CLI::App& root, const std::string& program, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (root.get_option(name)->count() > 0) throw CLI::ValidationError(name, "is of no use to " + program);
  }
}

const std::vector<std::string> about_records{"--batch-bytes", "--record-bytes", "--compression", "--rate"};
const std::vector<std::string> about_load{"--connections", "--threads", "--warm-up", "--duration"};

class group_commands {
 public:
  group_commands(CLI::App& root, bench_options& options, const std::function<void(group_program)>& choose)
      : root_(root),
        group_(*root.add_subcommand("group", "Consumer groups: heartbeats, rebalances, commits, memory")),
        options_(options),
        choose_(choose) {
    group_.require_subcommand(1);
    group_.footer(examples(
        {"tidelog-bench group heartbeats --groups 1000 --members 4", "tidelog-bench group commits --help"}));
  }

  CLI::App& add(const std::string& name, const std::string& description, group_program program,
                std::function<void()> check) {
    auto* const command = group_.add_subcommand(name, description);
    command->callback(
        [this_root = &root_, options = &options_, choose = choose_, name, program, check = std::move(check)] {
          options->program = "group " + name;
          refuse_options(*this_root, options->program, about_records);
          check();
          choose(program);
        });
    return *command;
  }
  void add_groups(CLI::App& command) {
    command.add_option("--groups", options_.group_count, "Groups")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
  }
  void add_members(CLI::App& command, std::size_t& count) {
    command
        .add_option("--members", count,
                    "Members of a group; each has a connection, which members of other groups share")
        ->check(CLI::Range(2, 10'000))
        ->capture_default_str();
  }

 private:
  CLI::App& root_;
  CLI::App& group_;
  bench_options& options_;
  std::function<void(group_program)> choose_;
};

}  // namespace

void add_group_programs(CLI::App& root, bench_options& options, std::string& heartbeat_interval,
                        const std::function<void(group_program)>& choose) {
  group_commands commands(root, options, choose);
  auto& heartbeats = commands.add(
      "heartbeats", "Keep groups alive that do nothing else", bench_group_heartbeats, [&root, &options] {
        if (root.get_option("--connections")->count() == 0)
          options.connections = static_cast<int>(options.member_count);
        if (static_cast<std::size_t>(options.connections) % options.member_count != 0)
          throw CLI::ValidationError("--connections", "is to be a multiple of --members");
      });
  commands.add_groups(heartbeats);
  commands.add_members(heartbeats, options.member_count);
  heartbeats.add_option("--interval", heartbeat_interval, "Between two heartbeats of a member")
      ->capture_default_str();
  heartbeats.footer(
      examples({"tidelog-bench group heartbeats --groups 1000 --members 4 --server-pid $(pidof tidelogd)",
                "tidelog-bench group heartbeats --members 4 --connections 400 --interval 1s"}));

  auto& rebalance =
      commands.add("rebalance", "Let the members of one group join again and again", bench_group_rebalance,
                   [&root, &options] { refuse_options(root, options.program, about_load); });
  commands.add_members(rebalance, options.rebalance_member_count);
  rebalance.add_option("--rounds", options.rounds, "Rebalances")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  const std::map<std::string, bool> protocols{{"classic", false}, {"consumer", true}};
  rebalance
      .add_option(
          "--protocol", options.consumer_protocol,
          "classic: from the last join to the last assignment; consumer: until all have their partitions")
      ->transform(CLI::CheckedTransformer(protocols).description(""))
      ->option_text("NAME [classic]");
  rebalance.footer(examples({"tidelog-bench group rebalance --members 100 --partitions 1000 --delete-topic",
                             "tidelog-bench group rebalance --protocol consumer --partitions 1000"}));

  auto& commits = commands.add("commits", "Commit offsets, each connection those of a group of its own",
                               bench_group_commits, [] {});
  commands.add_groups(commits);
  commits.add_option("-d,--depth", options.depth, "Requests under way on each connection")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  commits.footer(examples({"tidelog-bench group commits --connections 32",
                           "tidelog-bench group commits --connections 32 --groups 1"}));

  auto& memory =
      commands.add("memory", "What members cost that do nothing", bench_group_memory, [&root, &options] {
        refuse_options(root, options.program, {"--connections", "--threads", "--duration"});
      });
  commands.add_groups(memory);
  commands.add_members(memory, options.member_count);
  memory.footer(
      examples({"tidelog-bench group memory --groups 2500 --members 4 --server-pid $(pidof tidelogd)"}));
}

}  // namespace tidelog::tools
