#include "out_of_room.hpp"

#include "tidelog/io/out_of_space.hpp"

#include <algorithm>

namespace tidelog::partition {
namespace {

constexpr base::unix_ms first_pause_ms = 1000;
constexpr base::unix_ms longest_pause_ms = 64'000;

}  // namespace

void out_of_room::note(const base::error& why, const std::weak_ptr<partition>& which) {
  if (!io::is_out_of_space(why.code)) return;
  {
    const std::lock_guard guard(mutex_);
    add({which});
  }
  if (listener_) listener_(why);
}

void out_of_room::add(const entry& made) {
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const entry& each) {
    return !each.which.owner_before(made.which) && !made.which.owner_before(each.which);
  });
  if (known == entries_.end()) {
    entries_.push_back(made);
  } else if (made.pause_ms > 0) {
    *known = made;
  }
}

std::vector<std::shared_ptr<partition>> out_of_room::due(base::unix_ms now_ms) {
  // Taken out meanwhile: a partition that is looked at may have to wait for its log, which may be about to note() it.
  std::vector<entry> entries;
  {
    const std::lock_guard guard(mutex_);
    entries.swap(entries_);
  }
  std::vector<std::shared_ptr<partition>> found;
  std::erase_if(entries, [&](entry& each) {
    const auto which = each.which.lock();
    if (!which) return true;
    const auto available = which->check_available();
    if (!available && available.error().code == errc::recovering) return false;
    if (!which->is_out_of_room()) return true;
    if (each.due_ms > now_ms) return false;
    each.pause_ms = each.pause_ms == 0 ? first_pause_ms : std::min(2 * each.pause_ms, longest_pause_ms);
    each.due_ms = now_ms + each.pause_ms;
    found.push_back(which);
    return false;
  });
  const std::lock_guard guard(mutex_);
  for (const auto& each : entries) add(each);
  return found;
}

}  // namespace tidelog::partition
