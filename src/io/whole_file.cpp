#include "tidelog/io/file_system.hpp"

#include <cerrno>

namespace tidelog::io {
namespace {

[[nodiscard]] base::status write_whole(file_system& files, const io::path& name, base::byte_view content) {
  TIDELOG_TRY(const auto target, files.open(name, open_mode::create));
  // A crash may have left a longer one behind.
  TIDELOG_DO(target->truncate(0));
  TIDELOG_DO(target->write_at(content, 0));
  return target->sync_data();
}

}  // namespace

base::status replace_file(file_system& files, const io::path& name, base::byte_view content) {
  io::path temporary = name;
  temporary += ".tmp";
  auto replaced = write_whole(files, temporary, content);
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
