#include "log_directory_setup.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/base/quoted.hpp"
#include "tidelog/io/out_of_space.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace tidelog::storage {
namespace {

constexpr const char* lock_name = ".lock";
constexpr const char* probe_name = ".writable.tmp";
constexpr model::broker_id default_node_id{1};

bool is_refusal(const std::error_code& code) {
  return code == std::errc::permission_denied || code == std::errc::read_only_file_system ||
         code == std::errc::operation_not_permitted;
}

/// Gives a system's refusal its name here; the context keeps what the system said.
base::error named(base::error failure, const io::path& directory) {
  if (!is_refusal(failure.code)) return failure;
  return {errc::directory_not_writable, fmt::format("{} ({})", directory.native(), failure.describe())};
}

/// What a directory may hold that is not ours yet: what file systems put there, and what is left of a first start that
/// was cut short.
bool is_harmless(std::string_view name) {
  constexpr std::array<std::string_view, 4> harmless{"lost+found", lock_name, probe_name,
                                                     "meta.properties.tmp"};
  return std::ranges::find(harmless, name) != harmless.end();
}

base::status check_is_ours_or_empty(io::file_system& files, const io::path& directory) {
  TIDELOG_TRY(const auto entries, files.list(directory));
  const auto is_properties = [](const io::directory_entry& entry) {
    return entry.name == meta_properties_name;
  };
  if (std::ranges::any_of(entries, is_properties)) return {};
  for (const auto& entry : entries) {
    if (is_harmless(entry.name)) continue;
    return base::fail(errc::not_a_data_directory, "{} has no {} but holds {}; name an empty directory",
                      directory.native(), meta_properties_name, base::quoted(entry.name));
  }
  return {};
}

/// With its parents, each of which is durable before the next: make_directories() would leave that to the kernel.
base::status make_if_missing(io::file_system& files, const io::path& directory) {
  TIDELOG_TRY(const bool is_there, files.exists(directory));
  if (is_there) return {};
  const auto parent = directory.has_parent_path() ? directory.parent_path() : io::path(".");
  TIDELOG_DO(make_if_missing(files, parent));
  TIDELOG_DO(files.make_directories(directory));
  return files.sync_directory(parent);
}

/// A first start may have been killed between making a directory and putting its name on disk; which one is not to be seen.
/// Where nobody may look into a directory, none of ours was made in it.
base::status sync_names_above(io::file_system& files, io::path directory) {
  while (true) {
    const auto parent = directory.has_parent_path() ? directory.parent_path() : io::path(".");
    if (parent == directory) return {};
    if (auto synced = files.sync_directory(parent); !synced && !is_refusal(synced.error().code))
      return synced;
    if (parent == ".") return {};
    directory = parent;
  }
}

/// A lock file from before can be opened in a directory that takes no new files. One that only has no room for them can
/// be started on.
base::status probe_writing(io::file_system& files, const io::path& directory) {
  const auto name = directory / probe_name;
  const auto probe = files.open(name, io::open_mode::create);
  if (!probe && io::is_out_of_space(probe.error().code)) return {};
  if (!probe) return tl::unexpected(probe.error());
  return files.remove_file(name);
}

base::status check_matches(const meta_properties& found, const log_directory_options& options,
                           const io::path& directory) {
  if (options.node_id && *options.node_id != found.node_id) {
    return base::fail(errc::wrong_node_id, "{} says node.id {}, asked for is {}", directory.native(),
                      found.node_id.value(), options.node_id->value());
  }
  if (options.cluster_id && *options.cluster_id != found.cluster_id) {
    return base::fail(errc::wrong_cluster_id, "{} says cluster.id {}, asked for is {}", directory.native(),
                      found.cluster_id, *options.cluster_id);
  }
  return {};
}

meta_properties new_properties(const log_directory_options& options) {
  meta_properties made;
  made.node_id = options.node_id.value_or(default_node_id);
  made.cluster_id = options.cluster_id.value_or(base::random_uuid().text());
  made.directory_id = base::random_uuid();
  return made;
}

base::result<taken_directory> take(io::file_system& files, const io::path& directory,
                                   const log_directory_options& options) {
  TIDELOG_DO(make_if_missing(files, directory));
  // Before the lock, whose file would be a trace of ours in a directory that is somebody else's.
  TIDELOG_DO(check_is_ours_or_empty(files, directory));
  taken_directory taken;
  auto lock = files.lock(directory / lock_name);
  if (!lock) {
    if (lock.error().code == std::errc::operation_would_block) {
      return base::fail(errc::directory_locked, "{}", directory.native());
    }
    return base::forward_error(lock);
  }
  taken.lock = std::move(*lock);
  TIDELOG_DO(probe_writing(files, directory));

  auto found = read_meta_properties(files, directory);
  if (found) {
    TIDELOG_DO(check_matches(*found, options, directory));
    taken.properties = std::move(*found);
    if (taken.properties.directory_id) return taken;
    taken.properties.directory_id = base::random_uuid();
  } else {
    if (found.error().code != std::errc::no_such_file_or_directory) return base::forward_error(found);
    taken.properties = new_properties(options);
    taken.came_from = taken_directory::origin::made;
    TIDELOG_DO(sync_names_above(files, directory));
    base::say_info("{} is new: node {}, cluster {}", directory.native(), taken.properties.node_id.value(),
                   taken.properties.cluster_id);
  }
  TIDELOG_DO(write_meta_properties(files, directory, taken.properties));
  return taken;
}

}  // namespace

base::result<taken_directory> take_directory(io::file_system& files, const io::path& directory,
                                             const log_directory_options& options) {
  return take(files, directory, options).map_error([&](base::error failure) {
    return named(std::move(failure), directory);
  });
}

}  // namespace tidelog::storage
