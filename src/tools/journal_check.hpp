#pragma once
// Holds the commit journal that a crash has left against the logs: what of it the next start of the daemon gives them back.

#include "log_finding.hpp"

#include "tidelog/base/uuid.hpp"
#include "tidelog/storage/journal_file.hpp"

#include <map>

namespace tidelog::tools {

/// A log as its own recovery leaves it.
struct recovered_log {
  /// Below the data directory.
  io::path directory;
  model::offset end{};
  model::leader_epoch epoch = model::no_leader_epoch;
};

struct journal_task {
  io::path root;
  std::optional<base::uuid> directory_id;
  std::map<storage::journal_log_id, recovered_log> logs;
  /// `logs` are not all that there are.
  bool only_some_logs = false;
};

struct journal_report {
  std::vector<finding> findings;
  /// Why nothing may be repaired before the daemon was started, for people; empty where it may.
  std::string start_first;
};

/// Why nothing is repaired beside a journal that the disk does not give.
inline constexpr std::string_view unreadable_journal =
    "the disk has to give its commit journal, in which there may be records that are nowhere else";

/// Of a directory that was not stopped cleanly; after a clean stop the journal means nothing. Fails with an errno.
[[nodiscard]] base::result<journal_report> check_journal(io::file_system& files, const journal_task& task);

}  // namespace tidelog::tools
