#include "cli_log.hpp"

#include "log_repair.hpp"
#include "log_verify.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/storage/storage_error.hpp"
#include "tidelog/tools/exit_code.hpp"
#include "tidelog/tools/quantity.hpp"

#include <thread>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct verify_arguments {
  std::string directory;
  std::size_t jobs = std::max(1U, std::thread::hardware_concurrency());
  bool execute = false;
};

json to_json(const finding& found) {
  json document{{"finding", found.kind},
                {"severity", name_of(found.level)},
                {"file", found.file.string()},
                {"what", found.what},
                {"repairable", !found.steps.empty()}};
  if (found.position) document["position"] = *found.position;
  if (found.first_offset) document["first_offset"] = found.first_offset->value();
  if (found.last_offset) document["last_offset"] = found.last_offset->value();
  return document;
}

std::string to_text(const finding& found) {
  auto text = fmt::format("{:<10}  {}", name_of(found.level), found.file.string());
  if (found.position) text += fmt::format("  position {}", *found.position);
  if (found.first_offset && found.last_offset) {
    text += fmt::format("  offsets {}-{}", found.first_offset->value(), found.last_offset->value());
  } else if (found.first_offset) {
    text += fmt::format("  from offset {}", found.first_offset->value());
  }
  return text + fmt::format("  {}: {}\n", found.kind, found.what);
}

base::status print_findings(const cli_context& context, const verify_summary& summary) {
  for (const auto& found : summary.findings)
    TIDELOG_DO(context.wants_json() ? print_json(to_json(found)) : print_text(to_text(found)));
  return {};
}

std::string_view verdict_of(const verify_summary& summary) {
  return summary.worst() == severity::note ? "clean" : name_of(summary.worst());
}

base::status print_summary(const cli_context& context, const verify_summary& summary) {
  if (context.wants_json()) {
    return print_json({{"summary",
                        {{"verdict", verdict_of(summary)},
                         {"partitions", summary.partitions},
                         {"segments", summary.segments},
                         {"batches", summary.batches},
                         {"records", summary.records},
                         {"bytes", summary.bytes},
                         {"damaged", summary.count(severity::damaged)},
                         {"repairable", summary.count(severity::repairable)},
                         {"notes", summary.count(severity::note)}}}});
  }
  return print_text(fmt::format("{}: {} partition(s), {} segment(s), {} batch(es), {} record(s), {}\n",
                                verdict_of(summary), summary.partitions, summary.segments, summary.batches,
                                summary.records, size_for_people(static_cast<double>(summary.bytes))));
}

exit_code code_of(severity worst) {
  switch (worst) {
    case severity::note:
      return exit_code::done;
    case severity::repairable:
      return exit_code::repairable;
    case severity::damaged:
      return exit_code::damaged;
  }
  return exit_code::failed;
}

base::status run_verify(cli_context& context, const verify_arguments& wanted) {
  const auto files = io::make_posix_file_system();
  TIDELOG_TRY(const auto target, find_target(*files, wanted.directory));
  TIDELOG_TRY(const auto lock, lock_stopped_directory(*files, target.root, lock_need::if_permitted));
  TIDELOG_TRY(const auto summary, verify_directory(*files, target, {wanted.jobs}));
  TIDELOG_DO(print_findings(context, summary));
  TIDELOG_DO(print_summary(context, summary));
  context.found = code_of(summary.worst());
  return {};
}

std::string describe(const io::path& file, const file_repair& how) {
  switch (how.what) {
    case repair_step::action::set_aside:
      return fmt::format("set aside {}", file.string());
    case repair_step::action::replace:
      return fmt::format("write {} anew", file.string());
    case repair_step::action::begin_segment:
      return fmt::format("begin {}", file.string());
    case repair_step::action::write_over:
      return fmt::format("put right the offsets of {} batch(es) in {}", how.overwrites.size(), file.string());
    case repair_step::action::remove_range:
      break;
  }
  std::string text = fmt::format("cut out of {} the bytes", file.string());
  std::string_view between = " ";
  for (const auto& range : how.ranges) {
    text += fmt::format("{}{}-{}", between, range.begin, range.end - 1);
    between = ", ";
  }
  return text;
}

base::status print_plan(const cli_context& context, const repair_plan& plan) {
  if (!context.wants_json())
    TIDELOG_DO(print_text(plan.empty() ? "nothing can be repaired\n" : "to be done:\n"));
  for (const auto& [file, how] : plan.files()) {
    const auto text = describe(file, how);
    TIDELOG_DO(context.wants_json() ? print_json({{"step", text}, {"file", file.string()}})
                                    : print_text(fmt::format("  {}\n", text)));
  }
  return {};
}

base::status run_repair(cli_context& context, const verify_arguments& wanted) {
  const auto files = io::make_posix_file_system();
  TIDELOG_TRY(const auto target, find_target(*files, wanted.directory));
  const auto need = wanted.execute ? lock_need::must_hold : lock_need::if_permitted;
  TIDELOG_TRY(const auto lock, lock_stopped_directory(*files, target.root, need));
  TIDELOG_TRY(const auto summary, verify_directory(*files, target, {wanted.jobs}));
  TIDELOG_DO(print_findings(context, summary));
  context.found = code_of(summary.worst());
  if (summary.worst() == severity::note) return print_summary(context, summary);
  if (!summary.start_first.empty()) {
    // What a repair cuts off or lowers would be in the way of what the journal has to give back.
    std::fprintf(stderr, "tidelog: nothing was changed: before %s is repaired, %s\n", target.root.c_str(),
                 summary.start_first.c_str());
    return {};
  }
  const repair_plan plan(summary.findings);
  TIDELOG_DO(print_plan(context, plan));
  if (!wanted.execute || plan.empty()) {
    if (!plan.empty() && !context.wants_json())
      TIDELOG_DO(print_text("nothing was changed; --execute does it\n"));
    return {};
  }
  TIDELOG_TRY(const auto aside, free_repair_folder(*files, target.root));
  TIDELOG_DO(plan.execute(*files, target.root, aside));
  const auto kept = (target.root / aside).string();
  TIDELOG_DO(context.wants_json() ? print_json({{"repaired", true}, {"kept_in", kept}})
                                  : print_text(fmt::format("done; what was removed is in {}\n", kept)));
  // What stays: records that are lost, and what only a person can decide.
  TIDELOG_TRY(const auto after, verify_directory(*files, target, {wanted.jobs}));
  TIDELOG_DO(print_findings(context, after));
  TIDELOG_DO(print_summary(context, after));
  context.found = code_of(after.worst());
  return {};
}

CLI::App* add_command(CLI::App& log, const std::string& name, const std::string& what,
                      const std::shared_ptr<verify_arguments>& wanted) {
  auto* const command = log.add_subcommand(name, what);
  command->add_option("DIR", wanted->directory, "A data directory, or that of one partition in it")
      ->required();
  command->add_option("-j,--jobs", wanted->jobs, "Segments to read at a time")
      ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
      ->capture_default_str();
  return command;
}

}  // namespace

base::result<std::unique_ptr<io::directory_lock>> lock_stopped_directory(io::file_system& files,
                                                                         const io::path& root,
                                                                         lock_need need) {
  const auto name = root / ".lock";
  TIDELOG_TRY(const bool there, files.exists(name));
  if (!there) return nullptr;
  auto lock = files.lock(name);
  if (lock) return lock;
  if (lock.error().code == std::errc::operation_would_block) {
    return base::fail(storage::errc::directory_locked, "{}: a broker uses it; stop that first",
                      root.string());
  }
  const auto& code = lock.error().code;
  const bool forbidden = code == std::errc::permission_denied || code == std::errc::read_only_file_system;
  if (need == lock_need::must_hold || !forbidden) return lock;
  std::fprintf(stderr, "tidelog: %s; whether a broker uses the directory is not known\n",
               lock.error().describe().c_str());
  return nullptr;
}

void add_log_commands(CLI::App& root, cli_context& context) {
  auto* const log = root.add_subcommand(
      "log", "Look into the files of a stopped data directory, and mend them; no broker is asked");
  log->require_subcommand(1);
  log->footer(examples({"tidelog log verify /var/lib/tidelog", "tidelog log repair /var/lib/tidelog",
                        "tidelog log dump /var/lib/tidelog/orders-0 --records"}));

  const auto to_verify = std::make_shared<verify_arguments>();
  auto* const verify = add_command(
      *log, "verify",
      "Check every batch, index, checkpoint and snapshot; ends with 0, 7 or 8 (see tidelog --help)",
      to_verify);
  verify->callback([&context, to_verify] {
    context.action = [&context, to_verify] { return run_verify(context, *to_verify); };
  });
  verify->footer(examples(
      {"tidelog log verify /var/lib/tidelog", "tidelog log verify /var/lib/tidelog/orders-0 --output json"}));

  const auto to_repair = std::make_shared<verify_arguments>();
  auto* const repair = add_command(*log, "repair",
                                   "Mend what verify finds: says what it would do, and does it with "
                                   "--execute. What is removed is kept in\n"
                                   "DIR/tidelog-repair-TIME",
                                   to_repair);
  repair->add_flag("--execute", to_repair->execute, "Do it");
  repair->callback([&context, to_repair] {
    context.action = [&context, to_repair] { return run_repair(context, *to_repair); };
  });
  repair->footer(
      examples({"tidelog log repair /var/lib/tidelog", "tidelog log repair /var/lib/tidelog --execute"}));
  add_log_dump_command(*log, context);
}

}  // namespace tidelog::tools
