#include "ballast.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"

#include <algorithm>
#include <random>
#include <vector>

namespace tidelog::storage {
namespace {

constexpr std::uint64_t smallest_share = 64;
constexpr std::size_t piece_bytes = 64 * 1024;

/// File systems that compress or deduplicate would find no room taken up by anything simpler.
[[nodiscard]] std::vector<std::byte> random_bytes(std::size_t count) {
  std::mt19937_64 random(std::random_device{}());
  std::vector<std::byte> bytes(count);
  std::ranges::generate(bytes, [&random] { return static_cast<std::byte>(random()); });
  return bytes;
}

}  // namespace

std::uint64_t ballast::wanted_bytes(std::uint64_t capacity_bytes) {
  return std::min(most_bytes, capacity_bytes / smallest_share);
}

base::status ballast::extend(std::uint64_t from, std::uint64_t to) {
  TIDELOG_TRY(const auto file, files_.open(name_, io::open_mode::create));
  while (from < to) {
    const auto piece =
        random_bytes(static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, to - from)));
    TIDELOG_DO(file->write_at(piece, from));
    from += piece.size();
  }
  return file->sync_data();
}

void ballast::lay(std::uint64_t wanted_bytes, std::uint64_t room_bytes) {
  std::uint64_t there = 0;
  if (const auto file = files_.open(name_, io::open_mode::read)) there = (*file)->size().value_or(0);
  if (there >= wanted_bytes || room_bytes == 0) return;
  const auto laid = extend(there, std::min(wanted_bytes, there + room_bytes));
  if (!laid && !io::is_out_of_space(laid.error().code)) {
    base::say_warning("no room could be put by for a start on a full disk: {}", laid.error().describe());
  }
}

bool ballast::drop() {
  const auto file = files_.open(name_, io::open_mode::read);
  if (!file || (*file)->size().value_or(0) == 0) return false;
  return files_.remove_file(name_).has_value();
}

}  // namespace tidelog::storage
