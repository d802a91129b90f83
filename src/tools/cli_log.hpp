#pragma once
// What the commands of `tidelog log` share.

#include "cli_context.hpp"

#include "tidelog/io/file_system.hpp"

namespace tidelog::tools {

void add_log_dump_command(CLI::App& log, cli_context& context);

/// Whether the lock must be had: not for a look at a directory that somebody else owns.
enum class lock_need { must_hold, if_permitted };
/// The lock of a data directory, as long as it lives; nothing where there is no lock file. Fails with directory_locked
/// while a broker uses the directory.
[[nodiscard]] base::result<std::unique_ptr<io::directory_lock>> lock_stopped_directory(io::file_system& files,
                                                                                       const io::path& root,
                                                                                       lock_need need);

}  // namespace tidelog::tools
