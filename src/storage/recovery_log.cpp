#include "recovery_log.hpp"

#include <algorithm>
#include <array>

namespace tidelog::storage {
namespace {

/// A disk that rots everywhere is not to fill the memory with the tale of it.
constexpr std::size_t most_events = 64;

constexpr std::array<std::string_view, recovery_outcome_count> names{
    "clean",
    "stale checkpoint",
    "newer checkpoint",
    "torn tail",
    "zero-filled tail",
    "damaged batch",
    "missing segment",
    "overlapping segments",
    "damaged range",
    "damaged end",
    "index missing",
    "index short",
    "index long",
    "index wrong",
    "damaged epoch checkpoint",
    "damaged snapshot",
    "leftover deleted",
    "leftover cleaned",
    "leftover swap",
    "leftover swap dropped",
    "orphaned index",
    "set aside before",
    "replayed from journal",
};

[[nodiscard]] bool is_of_an_index(recovery_outcome what) {
  return what >= recovery_outcome::index_missing && what <= recovery_outcome::index_wrong;
}

[[nodiscard]] bool is_of_records(const recovery_event& event) {
  return event.what >= recovery_outcome::newer_checkpoint && event.what <= recovery_outcome::damaged_end;
}

}  // namespace

std::string_view name_of(recovery_outcome outcome) {
  return names.at(static_cast<std::size_t>(outcome));
}

const recovery_event* recovery_report::find(recovery_outcome what) const {
  const auto found = std::ranges::find(events, what, &recovery_event::what);
  return found == events.end() ? nullptr : &*found;
}

recovery_outcome recovery_report::outcome() const {
  if (const auto found = std::ranges::find_if(events, is_of_records); found != events.end())
    return found->what;
  return events.empty() ? recovery_outcome::clean : events.front().what;
}

void recovery_log::add(recovery_event event) {
  const std::lock_guard guard(mutex_);
  if (!report_) report_ = std::make_unique<recovery_report>();
  ++report_->events_counted;
  if (!event.set_aside.empty()) {
    ++report_->files_set_aside;
    report_->bytes_set_aside += event.bytes;
  }
  if (event.what == recovery_outcome::damaged_range || event.what == recovery_outcome::damaged_end) {
    ++report_->damaged_ranges;
  }
  if (is_of_an_index(event.what)) ++report_->indexes_rebuilt;
  if (report_->events.size() < most_events) report_->events.push_back(std::move(event));
}

recovery_report recovery_log::report() const {
  const std::lock_guard guard(mutex_);
  return report_ ? *report_ : recovery_report{};
}

}  // namespace tidelog::storage
