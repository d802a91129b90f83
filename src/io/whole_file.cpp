#include "tidelog/io/file_system.hpp"

#include <cerrno>

namespace tidelog::io {
namespace {

/// Of its own, so that it outlasts a replace_file() of the same name.
[[nodiscard]] io::path replacement_of(io::path name) {
  name += ".next.tmp";
  return name;
}

[[nodiscard]] base::result<std::shared_ptr<file>> write_whole(file_system& files, const io::path& name,
                                                              base::byte_view content) {
  TIDELOG_TRY(auto target, files.open(name, open_mode::create));
  // A crash may have left a longer one behind.
  TIDELOG_DO(target->truncate(0));
  TIDELOG_DO(target->write_at(content, 0));
  return target;
}

}  // namespace

base::status write_replacement(file_system& files, const io::path& name, base::byte_view content) {
  auto written = write_whole(files, replacement_of(name), content);
  if (!written) return base::forward_error(written);
  return {};
}

base::status put_replacement_in_place(file_system& files, const io::path& name) {
  return files.rename(replacement_of(name), name);
}

void drop_replacement(file_system& files, const io::path& name) {
  // What cannot be removed is removed by the next start.
  static_cast<void>(files.remove_file(replacement_of(name)));
}

base::status replace_file(file_system& files, const io::path& name, base::byte_view content) {
  io::path temporary = name;
  temporary += ".tmp";
  const auto written = write_whole(files, temporary, content);
  base::status replaced;
  if (written) {
    replaced = (*written)->sync_data();
  } else {
    replaced = tl::unexpected(written.error());
  }
  if (replaced) replaced = files.rename(temporary, name);
  if (!replaced) {
    // On a full disk what has been written would only be in the way. That the removal fails too changes
    // nothing: the next replacement begins by emptying the temporary file.
    static_cast<void>(files.remove_file(temporary));
    return replaced;
  }
  const io::path directory = name.parent_path();
  return files.sync_directory(directory.empty() ? io::path(".") : directory);
}

base::result<std::vector<std::byte>> read_file(file_system& files, const io::path& name,
                                               std::uint64_t most_bytes) {
  TIDELOG_TRY(const auto source, files.open(name, open_mode::read));
  TIDELOG_TRY(const std::uint64_t size, source->size());
  if (size > most_bytes) {
    return base::fail_errno(EFBIG, "{} has {} bytes, more than {}", name.native(), size, most_bytes);
  }
  std::vector<std::byte> content(static_cast<std::size_t>(size));
  TIDELOG_TRY(const std::size_t got, source->read_at(content, 0));
  content.resize(got);
  return content;
}

}  // namespace tidelog::io
