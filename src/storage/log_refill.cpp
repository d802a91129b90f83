// The last batches of a producer, of which a restart has left only the newest: the others are read back from the headers in
// the log when a batch comes that may be one of them.
#include "log_core.hpp"
#include "sound_walker.hpp"

#include <algorithm>
#include <cerrno>

namespace tidelog::storage {
namespace {

constexpr std::uint64_t step_bytes = 1024 * 1024;
/// How far back is looked. Without patience one step: others wait for the thread, also when nobody waits for the disk.
constexpr std::uint64_t most_bytes = 64 * step_bytes;
/// Where that is sure to be found again, a log at rest does without its producers' older batches.
constexpr std::uint64_t near_bytes = step_bytes;

/// `found`: the batches of one producer, oldest first. Older ones than these are of no use to its window.
[[nodiscard]] bool fills_a_window(const std::vector<producer_batch>& found, model::producer_epoch of_epoch) {
  if (found.empty()) return false;
  if (found.front().epoch != of_epoch) return true;
  if (found.front().base_sequence == model::sequence(0)) return true;
  return std::ranges::count_if(found, &producer_batch::has_sequence) >=
         static_cast<std::ptrdiff_t>(base::limits::producer_batches_kept);
}

}  // namespace

base::result<std::optional<recorded_batch>> log::core::check_producer(const producer_batch& batch) {
  auto verdict = producers.check(batch);
  if (verdict || verdict.error().code != errc::out_of_order_sequence) return verdict;
  const auto before = producers.refill_before(batch);
  if (!before) return verdict;
  TIDELOG_TRY(const auto found, batches_before(*before, batch, io::patience::never_waits));
  take_window(batch.producer, found);
  return producers.check(batch);
}

base::status log::core::refill_producer(base::byte_view bytes) {
  TIDELOG_TRY(const auto header, model::parse_only_record_batch(bytes));
  const auto batch = producer_batch_of(header);
  if (!batch) return {};
  std::unique_lock lock(append_mutex);
  const auto before = producers.refill_before(*batch);
  lock.unlock();
  if (!before) return {};
  // Others append meanwhile, which changes nothing about what lies before the window. Where a truncation has moved the
  // window back, what is not before it any more is passed over.
  TIDELOG_TRY(const auto found, batches_before(*before, *batch, io::patience::waits_for_disk));
  lock.lock();
  take_window(batch->producer, found);
  return {};
}

void log::core::take_window(model::producer_id producer, std::span<const producer_batch> found) {
  // There may be more, but nobody looks any further.
  if (producers.refill(producer, found) == producer_state::refill_outcome::more_wanted)
    producers.refill(producer, {});
}

void log::core::rest_producers() {
  const log_tail now = tail();
  const bool can_refill = !compacted.load() && now.end.position <= near_bytes;
  producers.rest(can_refill ? std::max(model::offset(log_start.load()), now.end.segment_base)
                            : now.end.offset);
}

base::result<std::vector<producer_batch>> log::core::batches_before(model::offset before,
                                                                    const producer_batch& of,
                                                                    io::patience reader) {
  const log_tail now = tail();
  const model::offset start(log_start.load());
  std::vector<producer_batch> found;
  std::uint64_t looked_at = 0;
  std::size_t at = now.segments->floor(before);
  model::offset below = before;
  while (looked_at < most_bytes && below > start && !fills_a_window(found, of.epoch)) {
    if (looked_at > 0 && reader == io::patience::never_waits)
      return base::fail_errno(EAGAIN, "{}: a producer's batches are far back", directory.native());
    segment& each = *now.segments->all[at];
    TIDELOG_TRY(const std::uint64_t size, each.size(reader));
    TIDELOG_TRY(const auto place, each.find(below, size, index_interval_bytes.load(), reader));
    const std::uint64_t stop = place ? place->position : size;
    const std::uint64_t wanted = stop > step_bytes ? stop - step_bytes : 0;
    TIDELOG_TRY(const auto from, each.last_boundary(0, wanted, size, reader));
    TIDELOG_TRY(const auto file, each.data(reader));
    sound_walker walker(each, *file, from.position, stop, reader);
    std::vector<producer_batch> stretch;
    std::optional<model::offset> first;
    while (true) {
      TIDELOG_TRY(const auto header, walker.next());
      if (!header) break;
      if (!first) first = header->base_offset();
      const auto batch = producer_batch_of(*header);
      if (batch && batch->producer == of.producer) stretch.push_back(*batch);
    }
    looked_at += stop - from.position;
    found.insert(found.begin(), stretch.begin(), stretch.end());
    if (from.position > 0 && first) {
      below = *first;
    } else if (at == 0) {
      break;
    } else {
      below = each.base_offset();
      --at;
    }
  }
  return found;
}

}  // namespace tidelog::storage
