// A cleaned segment takes the place of those that it was made from.
//
// On disk, with a sync of the directory after each line:
//   BASE.log.cleaned -> BASE.log.swap     from here on an open finishes what follows
//   each old BASE.log -> BASE.log.deleted, oldest first
//   BASE.log.swap -> BASE.log
// The same for the indexes, which follow their data file.
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

using segments = std::vector<std::shared_ptr<segment>>;

/// Where `old` lies in `all`, in one piece; the end of `all` when it does not.
[[nodiscard]] segments::const_iterator find_run(const segments& all,
                                                std::span<const std::shared_ptr<segment>> old) {
  return std::search(all.begin(), all.end(), old.begin(), old.end());
}

}  // namespace

base::status log::core::replace_segments(std::span<const std::shared_ptr<segment>> old,
                                         const std::shared_ptr<segment>& fresh, std::uint64_t aborts_seen) {
  const std::lock_guard structure(structure_mutex);
  auto decided = check_not_aborted(aborts_seen);
  if (decided) decided = check_online();
  const auto now = tail();
  if (decided && find_run(now.segments->all, old) == now.segments->all.end()) {
    decided = base::fail(errc::cleaning_aborted, "{}: segments have been deleted", directory.native());
  }
  if (decided) {
    decided = fresh->rename_to_suffix(swap_suffix);
    if (decided) decided = environment.files.sync_directory(directory);
  }
  if (!decided) {
    // An open must not find this and finish it when the log has moved on.
    auto undone = fresh->remove_files();
    if (undone) undone = environment.files.sync_directory(directory);
    if (!undone) {
      base::say_error("{}: a replacement can be neither finished nor undone: {}", directory.native(),
                      undone.error().describe());
      go_offline(undone.error());
    }
    return decided;
  }
  auto finished = finish_replacement(old, fresh);
  if (!finished) {
    base::say_error("{}: a replacement is left to the next open: {}", directory.native(),
                    finished.error().describe());
    go_offline(finished.error());
  }
  return finished;
}

base::status log::core::finish_replacement(std::span<const std::shared_ptr<segment>> old,
                                           const std::shared_ptr<segment>& fresh) {
  // What an earlier cleaning has left here under the names that are needed now.
  std::vector<std::shared_ptr<segment>> in_the_way;
  {
    const std::lock_guard guard(append_mutex);
    const auto is_in_the_way = [&](const deleted_segment& each) {
      return std::any_of(old.begin(), old.end(), [&](const auto& going) {
        return going->base_offset() == each.files->base_offset();
      });
    };
    auto& deleted = to_be_done().deleted;
    for (const auto& each : deleted) {
      if (is_in_the_way(each)) in_the_way.push_back(each.files);
    }
    std::erase_if(deleted, is_in_the_way);
  }
  for (const auto& each : in_the_way) TIDELOG_DO(each->remove_files());
  // The oldest first: whenever this is interrupted, no older record of a key outlives a newer one.
  for (const auto& each : old) TIDELOG_DO(each->rename_deleted());
  TIDELOG_DO(environment.files.sync_directory(directory));
  TIDELOG_DO(fresh->rename_to_suffix(""));
  TIDELOG_DO(environment.files.sync_directory(directory));
  // Descriptors that were opened under a temporary name would go on telling that name.
  fresh->close_files();
  publish_replacement(old, fresh);

  std::vector<model::offset> bases;
  // Held by name: an append that rolls publishes another list, and this one would go while it is walked.
  const log_tail now = tail();
  for (const auto& each : now.segments->all) bases.push_back(each->base_offset());
  if (auto removed = remove_stale_producer_snapshots(environment.files, directory, bases); !removed) {
    base::say_warning("snapshots that nobody needs are left: {}", removed.error().describe());
  }
  return {};
}

void log::core::publish_replacement(std::span<const std::shared_ptr<segment>> old,
                                    const std::shared_ptr<segment>& fresh) {
  const base::unix_ms now_ms = environment.clock.now_ms();
  // A roll may have added a segment meanwhile.
  const std::lock_guard guard(append_mutex);
  touched = true;
  for (const auto& each : old) to_be_done().deleted.push_back({each, now_ms});
  const std::lock_guard held(tail_mutex);
  auto next = std::make_shared<segment_list>();
  const auto& all = tail_state.segments->all;
  const auto run = find_run(all, old);
  next->all.assign(all.begin(), run);
  next->all.push_back(fresh);
  next->all.insert(next->all.end(), run + static_cast<std::ptrdiff_t>(old.size()), all.end());
  // The high watermark may be remembered as the end of a segment that has gone: then it is where the next one begins.
  const bool is_at_end_of_old = std::any_of(old.begin(), old.end(), [&](const auto& each) {
    return each->base_offset() == tail_state.committed.segment_base;
  });
  if (is_at_end_of_old) {
    const auto after = run + static_cast<std::ptrdiff_t>(old.size());
    tail_state.committed.segment_base = (*after)->base_offset();
    tail_state.committed.position = 0;
  }
  tail_state.segments = std::move(next);
  ++tail_state.layout;
}

}  // namespace tidelog::storage
