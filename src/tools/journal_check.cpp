#include "journal_check.hpp"

#include "tidelog/storage/storage_error.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

const io::path name = storage::journal_file_name;

/// What a log gets out of the journal: batches that go on where it ends, as the broker plays them back.
struct given_back {
  std::size_t batches = 0;
  model::offset end{};
};
given_back play_back(const std::vector<storage::journal_batch>& batches, const recovered_log& log) {
  given_back given{0, log.end};
  auto epoch = log.epoch;
  for (const auto& each : batches) {
    if (each.base_offset < given.end) continue;
    if (each.base_offset > given.end || each.leader_epoch < epoch) break;
    ++given.batches;
    given.end = each.last_offset + 1;
    epoch = each.leader_epoch;
  }
  return given;
}

class journal_checker {
 public:
  journal_checker(const journal_task& task, const storage::journal_contents& journal)
      : task_(task), journal_(journal) {}

  journal_report run() {
    if (journal_.groups_missing > 0) {
      add(severity::damaged, "journal_groups_missing",
          fmt::format("{} of {} groups that are needed are damaged", journal_.groups_missing,
                      journal_.groups + journal_.groups_missing));
    }
    if (journal_.unreadable_blocks > 0) {
      add(severity::damaged, "unreadable",
          fmt::format("{} blocks cannot be read; what they hold is lost to the next start",
                      journal_.unreadable_blocks));
      report_.start_first = unreadable_journal;
    }
    std::size_t batches = 0;
    for (const auto& [id, held] : journal_.batches) {
      batches += held.size();
      compare(id, held);
    }
    if (batches > 0) {
      add(severity::note, "journal_in_use",
          fmt::format("holds {} batches of {} logs, which have all but {} of them", batches,
                      journal_.batches.size(), missing_));
    }
    if (missing_ > 0 && report_.start_first.empty()) {
      report_.start_first = fmt::format(
          "start tidelogd once on it, which plays {} batches from the commit journal back, and stop it",
          missing_);
    }
    return std::move(report_);
  }

 private:
  void compare(const storage::journal_log_id& id, const std::vector<storage::journal_batch>& held) {
    const auto found = task_.logs.find(id);
    recovered_log log{name, {}, model::no_leader_epoch};
    if (found != task_.logs.end()) {
      log = found->second;
    } else {
      // Of a topic that was deleted, or a log that the next start makes anew.
      const auto is_of_topic = [&id](const auto& each) { return each.first.topic == id.topic; };
      const bool topic_is_there = std::any_of(task_.logs.begin(), task_.logs.end(), is_of_topic);
      if (!topic_is_there || task_.only_some_logs) return;
    }
    const auto given = play_back(held, log);
    if (given.batches == 0) return;
    missing_ += given.batches;
    report_.findings.push_back({severity::repairable,
                                "only_in_journal",
                                log.directory,
                                fmt::format("the commit journal has {} batches that the log lacks; the next "
                                            "start of the daemon appends them",
                                            given.batches),
                                {},
                                log.end,
                                given.end + -1,
                                {}});
  }
  void add(severity level, std::string_view kind, std::string what) {
    report_.findings.push_back({level, kind, name, std::move(what), {}, {}, {}, {}});
  }

  const journal_task& task_;
  const storage::journal_contents& journal_;
  journal_report report_;
  std::size_t missing_ = 0;
};

journal_report report_of_bad_journal(const base::error& why) {
  journal_report report;
  if (why.code == storage::errc::unknown_format_version) {
    report.findings.push_back(
        {severity::repairable,
         "journal_of_another_version",
         name,
         "was written by another version, which has to be started on this directory once",
         {},
         {},
         {},
         {}});
    report.start_first =
        "start the version of tidelogd that wrote the commit journal once on it, and stop it";
  } else {
    report.findings.push_back({severity::damaged,
                               "bad_journal",
                               name,
                               "has no good header: what only it held is lost",
                               {},
                               {},
                               {},
                               {{repair_step::action::set_aside, name}}});
  }
  return report;
}

}  // namespace

base::result<journal_report> check_journal(io::file_system& files, const journal_task& task) {
  TIDELOG_TRY(const bool there, files.exists(task.root / name));
  if (!there) return journal_report{};
  TIDELOG_TRY(const auto file, files.open(task.root / name, io::open_mode::read));
  const auto journal = storage::read_journal(*file);
  if (!journal && is_errno(journal.error())) return tl::unexpected(journal.error());
  if (!journal) return report_of_bad_journal(journal.error());
  if (task.directory_id && journal->header.directory_id != *task.directory_id) {
    return journal_report{{{severity::note,
                            "journal_of_another_directory",
                            name,
                            "belongs to another data directory; the next start sets it aside",
                            {},
                            {},
                            {},
                            {}}},
                          {}};
  }
  return journal_checker(task, *journal).run();
}

}  // namespace tidelog::tools
