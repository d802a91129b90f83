#include "set_aside.hpp"

#include "segment.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

constexpr std::size_t copy_bytes = 1024 * 1024;
constexpr std::size_t base_digits = 20;

[[nodiscard]] base::result<io::path> free_name(io::file_system& files, const tail_to_keep& of) {
  for (int number = 1;; ++number) {
    const io::path name = of.directory / fmt::format("{:020}{}{}.{}", of.segment_base.value(), set_aside_mark,
                                                     of.log_end.value(), number);
    TIDELOG_TRY(const bool taken, files.exists(name));
    if (!taken) return name;
  }
}

[[nodiscard]] base::status copy(const io::file& from, std::uint64_t position, io::file& to,
                                const scan_interrupt& interrupt) {
  std::vector<std::byte> buffer(copy_bytes);
  std::uint64_t written = 0;
  while (true) {
    TIDELOG_DO(interrupt());
    TIDELOG_TRY(const std::size_t got, from.read_at(buffer, position + written));
    if (got == 0) return to.sync_data();
    TIDELOG_DO(to.write_at(base::byte_view(buffer).first(got), written));
    written += got;
  }
}

}  // namespace

bool is_set_aside_name(std::string_view name) {
  return name.size() > base_digits && name.substr(base_digits).starts_with(set_aside_mark);
}

base::result<io::path> set_tail_aside(io::file_system& files, const tail_to_keep& of, const io::file& file,
                                      std::uint64_t position, const scan_interrupt& interrupt) {
  TIDELOG_TRY(const io::path name, free_name(files, of));
  // Under another name until it is whole: what has its name can be relied on.
  const io::path unfinished = name.native() + ".tmp";
  TIDELOG_TRY(const auto to, files.open(unfinished, io::open_mode::create));
  auto copied = to->truncate(0);
  if (copied) copied = copy(file, position, *to, interrupt);
  if (!copied) {
    // The reason that counts is the first one: a full disk, most likely.
    static_cast<void>(files.remove_file(unfinished));
    return base::forward_error(copied);
  }
  TIDELOG_DO(files.rename(unfinished, name));
  TIDELOG_DO(files.sync_directory(of.directory));
  return name;
}

base::result<io::path> set_segment_aside(io::file_system& files, const tail_to_keep& of) {
  TIDELOG_TRY(const io::path name, free_name(files, of));
  TIDELOG_DO(files.rename(of.directory / segment_file_name(of.segment_base, data_suffix), name));
  return name;
}

}  // namespace tidelog::storage
