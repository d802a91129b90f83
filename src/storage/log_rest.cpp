// Logs that nobody uses: there may be tens of thousands, and each is to take next to no memory and no descriptor.
#include "commit_journal.hpp"
#include "log_core.hpp"

namespace tidelog::storage {
namespace {

/// Calls that find a log as it was, before it is synced for its own sake: by then the kernel has written most of it.
constexpr std::uint8_t quiet_looks_before_sync = 6;

}  // namespace

log::idleness log::rest_if_idle() {
  core& c = *core_;
  const std::int64_t end = c.log_end.load();
  const auto seen = static_cast<std::uint32_t>(end);
  if (std::exchange(c.end_at_last_look, seen) != seen) {
    c.quiet_looks = 0;
    return idleness::in_use;
  }
  if (c.quiet_looks < quiet_looks_before_sync) ++c.quiet_looks;
  if (c.recovery_point.load() < end && !c.offline.load())
    return c.quiet_looks < quiet_looks_before_sync ? idleness::in_use : idleness::unsynced;
  return c.rest(end);
}

log::idleness log::core::rest(std::int64_t end) {
  // Whoever makes parts from here on says so again.
  if (!has_parts.exchange(false)) return idleness::at_rest;
  const std::lock_guard appends(append_mutex);
  bool has_come_to_rest = !closed && log_end.load() == end;
  if (has_come_to_rest) {
    for (const auto& each : tail().segments->all)
      has_come_to_rest = each->rest_if_unused() && has_come_to_rest;
    stand_up();
    if (has_come_to_rest) {
      rest_producers();
      positions.forget();
      if (to_do != nullptr && to_do->snapshots.empty() && to_do->deleted.empty()) to_do = nullptr;
    }
  }
  if (!has_come_to_rest) has_parts.store(true);
  return has_come_to_rest ? idleness::has_come_to_rest : idleness::in_use;
}

void log::sync_soon() {
  core_->want_sync(core::sync_scope::everything);
}

}  // namespace tidelog::storage
