#include "tidelog/storage/log_cleaner.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"

#include <algorithm>
#include <pthread.h>

namespace tidelog::storage {
namespace {

constexpr double bytes_in_mib = 1024.0 * 1024.0;
/// Settings that say "never" would overflow the clock.
constexpr std::int64_t longest_backoff_ms = 24 * 60 * 60 * 1000LL;
/// A log that has just begun its cleaning may have missed the word to end it.
constexpr std::chrono::milliseconds abort_interval{20};

/// What is offline has been reported by who took it offline; the others come by again if there is still need.
[[nodiscard]] bool is_no_fault_of_the_log(const base::error& why) {
  return why.code == errc::cleaning_aborted || why.code == errc::closed || why.code == errc::log_offline;
}

void tell(const model::topic_partition& partition, const cleaning_report& report) {
  base::say_info(
      "{}: offsets {} to {} compacted: {} of {} records and {:.1f} of {:.1f} MiB are left, in {} of {} "
      "segments{}",
      partition.text(), report.from.value(), report.upto.value(), report.records_after, report.records_before,
      static_cast<double>(report.bytes_after) / bytes_in_mib,
      static_cast<double>(report.bytes_before) / bytes_in_mib, report.segments_after, report.segments_before,
      report.reach == cleaning_report::extent::as_far_as_memory_went
          ? "; the memory for keys was full, the rest follows"
          : "");
  if (report.records_without_key > 0) {
    base::say_warning("{}: {} records without a key had no place in a compacted log and were dropped",
                      partition.text(), report.records_without_key);
  }
}

}  // namespace

log_cleaner::log_cleaner(log_directory& directory, const base::clock& clock,
                         const log_cleaner_settings& settings)
    : directory_(directory), clock_(clock), rate_(clock), settings_(settings) {
  rate_.set_rate(settings.io_max_bytes_per_second);
}

log_cleaner::~log_cleaner() {
  stop();
}

void log_cleaner::start() {
  const std::lock_guard guard(mutex_);
  running_ = true;
  start_threads_locked();
}

void log_cleaner::start_threads_locked() {
  for (std::int32_t index = 0; index < settings_.threads; ++index) {
    if (!threads_.contains(index)) threads_.emplace(index, std::thread([this, index] { run(index); }));
  }
}

void log_cleaner::stop() {
  std::vector<std::thread> to_join;
  {
    std::unique_lock lock(mutex_);
    running_ = false;
    wake_.notify_all();
    while (!in_progress_.empty()) {
      for (const auto& [partition, each] : in_progress_) each->abort_cleaning();
      idle_.wait_for(lock, abort_interval);
    }
    to_join.swap(ended_);
    for (auto& [index, thread] : threads_) to_join.push_back(std::move(thread));
    threads_.clear();
  }
  for (auto& each : to_join) each.join();
}

void log_cleaner::update(const log_cleaner_settings& settings) {
  std::vector<std::thread> to_join;
  {
    const std::lock_guard guard(mutex_);
    rate_.set_rate(settings.io_max_bytes_per_second);
    settings_ = settings;
    if (running_) start_threads_locked();
    to_join.swap(ended_);
  }
  wake_.notify_all();
  for (auto& each : to_join) each.join();
}

void log_cleaner::run(std::int32_t index) {
  pthread_setname_np(pthread_self(), fmt::format("cleaner-{}", index).c_str());
  std::unique_lock lock(mutex_);
  while (running_) {
    if (index >= settings_.threads) {
      // Moved to where somebody else joins it; a later thread may have the same index.
      ended_.push_back(std::move(threads_.at(index)));
      threads_.erase(index);
      return;
    }
    lock.unlock();
    const bool has_worked = clean_neediest().has_value();
    lock.lock();
    if (has_worked || !running_) continue;
    const auto backoff =
        std::chrono::milliseconds(std::clamp<std::int64_t>(settings_.backoff_ms, 1, longest_backoff_ms));
    wake_.wait_for(lock, backoff);
  }
}

bool log_cleaner::may_be_cleaned(const named_log& candidate) {
  if (in_progress_.contains(candidate.partition)) return false;
  const auto found = bad_.find(candidate.partition);
  if (found == bad_.end()) return true;
  if (found->second.which.lock() != candidate.opened) {
    // It was opened anew: what was wrong may have been put right.
    bad_.erase(found);
    return true;
  }
  return clock_.steady_now() >= found->second.again_at;
}

std::optional<named_log> log_cleaner::choose() {
  auto candidates = directory_.logs();
  {
    const std::lock_guard guard(mutex_);
    std::erase_if(candidates, [this](const named_log& each) { return !may_be_cleaned(each); });
    std::erase_if(bad_, [](const auto& each) { return each.second.which.expired(); });
  }
  std::optional<named_log> neediest;
  double most = -1;
  const base::unix_ms now_ms = clock_.now_ms();
  for (auto& each : candidates) {
    const auto need = each.opened->needs_compaction(now_ms);
    if (!need) {
      // What is offline has been reported by who took it offline.
      if (need.error().code != errc::log_offline && need.error().code != errc::closed)
        mark(each, need.error());
      continue;
    }
    if (!*need || (*need)->dirty_ratio() <= most) continue;
    most = (*need)->dirty_ratio();
    neediest = std::move(each);
  }
  return neediest;
}

std::size_t log_cleaner::most_map_bytes() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(settings_.dedupe_buffer_size, 0));
}

cleaning_resources log_cleaner::share_of_resources() {
  const auto threads = static_cast<std::size_t>(std::max(settings_.threads, 1));
  cleaning_resources with;
  with.most_map_bytes = most_map_bytes() / threads;
  with.map_load_factor = settings_.io_buffer_load_factor;
  with.buffer_bytes = static_cast<std::size_t>(std::max(settings_.io_buffer_size, 0)) / threads / 2;
  with.charge = [this](std::uint64_t bytes) { return rate_.charge(bytes); };
  return with;
}

std::optional<model::topic_partition> log_cleaner::clean_neediest() {
  std::optional<named_log> chosen;
  cleaning_resources with;
  while (true) {
    chosen = choose();
    if (!chosen) return std::nullopt;
    const std::lock_guard guard(mutex_);
    // Another thread may have chosen the same one.
    if (in_progress_.contains(chosen->partition)) continue;
    with = share_of_resources();
    // While the number of threads rises, those at work have larger shares.
    if (!in_progress_.empty() && map_bytes_given_ + with.most_map_bytes > most_map_bytes())
      return std::nullopt;
    in_progress_.emplace(chosen->partition, chosen->opened);
    map_bytes_given_ += with.most_map_bytes;
    break;
  }
  const auto outcome = chosen->opened->clean(with);
  if (outcome) {
    tell(chosen->partition, *outcome);
    if (auto written = directory_.write_checkpoints(); !written) {
      base::say_error("checkpoints: {}", written.error().describe());
    }
  } else if (is_no_fault_of_the_log(outcome.error())) {
    base::say_debug("{}", outcome.error().describe());
  } else {
    mark(*chosen, outcome.error());
  }
  const std::lock_guard guard(mutex_);
  if (outcome) bad_.erase(chosen->partition);
  in_progress_.erase(chosen->partition);
  map_bytes_given_ -= with.most_map_bytes;
  idle_.notify_all();
  return chosen->partition;
}

void log_cleaner::mark(const named_log& bad, const base::error& why) {
  const std::string reason = why.describe();
  const auto patience = io::is_out_of_space(why.code) ? patience_with_full_disk : patience_with_damage;
  const std::lock_guard guard(mutex_);
  bad_log& entry = bad_[bad.partition];
  const bool is_known = entry.reason == reason && entry.which.lock() == bad.opened;
  entry = {bad.opened, reason, clock_.steady_now() + patience};
  if (!is_known) {
    base::say_error("{} is not compacted any more, others are; it is tried again in {} minutes: {}",
                    bad.partition.text(), patience.count(), reason);
  }
}

std::vector<uncleanable_log> log_cleaner::uncleanable() const {
  std::vector<uncleanable_log> all;
  const std::lock_guard guard(mutex_);
  for (const auto& [partition, each] : bad_) all.push_back({partition, each.reason});
  std::ranges::sort(all, {}, &uncleanable_log::partition);
  return all;
}

}  // namespace tidelog::storage
