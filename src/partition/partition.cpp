#include "tidelog/partition/partition.hpp"

#include "tidelog/io/out_of_space.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::partition {

namespace {

log_reach reach_of(const storage::log& log) {
  const auto end = log.high_watermark();
  const auto unstable = log.first_unstable_offset();
  return {log.log_start_offset(), end, unstable ? std::min(*unstable, end) : end};
}

}  // namespace

/// The fetches that wait for one partition.
struct partition::waiter_list {
  using waiter_ptr = std::shared_ptr<fetch_waiter>;

  struct entry {
    waiter_ptr waiter;
    read_level level;
    /// Of one that reads what is committed: how far the log was known to reach, and how far that when the reader looked.
    model::offset end;
    model::offset stable;
    /// There has been something between the two: the next marker may make more readable than what comes with it.
    bool has_hidden;

    /// How many bytes have become readable for it; nothing where only a look can tell.
    [[nodiscard]] std::optional<std::uint64_t> readable(const storage::log_progress& progress) {
      if (level == read_level::everything) return progress.readable_bytes;
      // Told late, by another thread than the one that told of more.
      if (progress.high_watermark < end) return std::nullopt;
      end = progress.high_watermark;
      has_hidden = has_hidden || progress.last_stable < progress.high_watermark;
      if (progress.last_stable <= stable) return 0;
      return has_hidden ? std::nullopt : std::optional(progress.readable_bytes);
    }
  };

  void add(entry waiting) {
    const std::lock_guard lock(mutex);
    waiters.push_back(std::move(waiting));
    count.fetch_add(1);
  }
  void remove(const waiter_ptr& waiter) {
    const std::lock_guard lock(mutex);
    const auto found = std::ranges::find(waiters, waiter, &entry::waiter);
    if (found == waiters.end()) return;
    *found = std::move(waiters.back());
    waiters.pop_back();
    count.store(waiters.size());
  }
  void fire_all() {
    std::vector<entry> waiting;
    {
      const std::lock_guard lock(mutex);
      waiting.swap(waiters);
      count.store(0);
    }
    for (const auto& each : waiting) each.waiter->fire();
  }
  void progressed(const storage::log_progress& progress) {
    if (progress.health == storage::log_health::offline) {
      fire_all();
      return;
    }
    if (count.fetch_add(0) == 0) return;
    std::vector<std::pair<waiter_ptr, std::optional<std::uint64_t>>> told;
    {
      const std::lock_guard lock(mutex);
      told.reserve(waiters.size());
      for (auto& each : waiters) told.emplace_back(each.waiter, each.readable(progress));
    }
    for (const auto& [waiter, bytes] : told) {
      if (bytes) {
        waiter->bytes_readable(*bytes);
      } else {
        waiter->fire();
      }
    }
  }

  base::small_mutex mutex;
  std::vector<entry> waiters;
  /// Spares appends the lock while nobody waits. Both sides change it, one by nothing: then either the appender sees the
  /// waiter, or the waiter sees what the appender did before, the new high watermark.
  std::atomic<std::size_t> count{0};
};

partition::partition(model::topic_partition name, model::topic_id topic_id, model::leader_epoch epoch,
                     std::shared_ptr<const metadata::topic_config> config)
    : name_(std::move(name)),
      topic_id_(topic_id),
      epoch_(epoch.value()),
      config_(std::move(config)),
      waiters_(std::make_shared<waiter_list>()) {}

std::shared_ptr<const metadata::topic_config> partition::config() const {
  const std::lock_guard lock(config_mutex_);
  return config_;
}

base::status partition::check_available() const {
  const std::shared_lock use(in_use_);
  return check_usable();
}

base::status partition::check_usable() const {
  if (retired_.load(std::memory_order_acquire))
    return base::fail(errc::unknown_partition, "{}", name_.text());
  if (why_offline_) return base::fail(errc::offline, "{}: {}", name_.text(), why_offline_->describe());
  if (!log_) return base::fail(errc::recovering, "{}", name_.text());
  if (const auto online = log_->check_online(); !online) {
    return base::fail(errc::offline, "{}: {}", name_.text(), online.error().context);
  }
  return {};
}

bool partition::is_out_of_room() const {
  const std::shared_lock use(in_use_);
  if (retired_.load(std::memory_order_acquire)) return false;
  if (why_offline_) return io::is_out_of_space(why_offline_->code);
  return log_ && log_->is_out_of_room();
}

base::status partition::check_leader_epoch(model::leader_epoch known_to_client) const {
  if (known_to_client == model::no_leader_epoch) return {};
  const auto current = leader_epoch();
  if (known_to_client < current) {
    return base::fail(errc::fenced_leader_epoch, "{}: {} is before {}", name_.text(), known_to_client.value(),
                      current.value());
  }
  if (known_to_client > current) {
    return base::fail(errc::unknown_leader_epoch, "{}: {} is after {}", name_.text(), known_to_client.value(),
                      current.value());
  }
  return {};
}

base::result<storage::appended> partition::append(base::byte_span batch, storage::append_origin origin,
                                                  io::patience patience,
                                                  std::optional<std::uint64_t> verified_at_marker) {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  storage::append_options options;
  options.leader_epoch = leader_epoch();
  options.origin = origin;
  options.patience = patience;
  // Of a log before this one it becomes a count that this one never comes to.
  if (verified_at_marker) options.verified_at_marker = *verified_at_marker - markers_before();
  return log_->append(batch, options);
}

std::uint64_t partition::markers_taken() const {
  const std::shared_lock use(in_use_);
  return markers_before() + (log_ ? log_->markers_taken() : 0);
}

base::result<storage::appended> partition::append_transaction_end(const model::transaction_end& end,
                                                                  model::timestamp now) {
  auto batch = model::encode_transaction_end(end, now);
  return append(batch, storage::append_origin::internal);
}

void partition::when_committed(model::offset end, storage::log::committed_callback done) {
  const std::shared_lock use(in_use_);
  if (auto available = check_usable(); !available) {
    done(std::move(available));
    return;
  }
  log_->when_committed(end, std::move(done));
}

base::result<storage::read_slice> partition::read(model::offset from, const storage::read_limit& limit,
                                                  storage::read_bound bound, io::patience reader) {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  return log_->read(from, limit, bound, reader);
}

base::result<std::vector<storage::aborted_transaction>> partition::aborted_transactions(model::offset from,
                                                                                        model::offset end,
                                                                                        io::patience reader) {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  return log_->aborted_transactions(from, end, reader);
}

base::result<log_reach> partition::reach() const {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  return reach_of(*log_);
}

model::offset partition::log_start_offset() const {
  const std::shared_lock use(in_use_);
  return log_ ? log_->log_start_offset() : model::no_offset;
}
model::offset partition::log_end_offset() const {
  const std::shared_lock use(in_use_);
  return log_ ? log_->log_end_offset() : model::no_offset;
}
model::offset partition::high_watermark() const {
  const std::shared_lock use(in_use_);
  return log_ ? log_->high_watermark() : model::no_offset;
}

base::result<storage::epoch_end> partition::end_offset_for(model::leader_epoch requested) const {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  if (requested == leader_epoch()) return storage::epoch_end{requested, log_->log_end_offset()};
  return log_->end_offset_for(requested);
}

model::leader_epoch partition::epoch_at(model::offset at) const {
  const std::shared_lock use(in_use_);
  if (!log_) return model::no_leader_epoch;
  return log_->epoch_at(at).value_or(model::no_leader_epoch);
}

base::result<std::optional<storage::timestamped_offset>> partition::offset_for_timestamp(
    model::timestamp at) {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  return log_->offset_for_timestamp(at);
}

base::result<std::optional<storage::timestamped_offset>> partition::max_timestamp_offset() {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  return log_->max_timestamp_offset();
}

base::result<model::offset> partition::delete_records_before(model::offset end) {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  const auto cleanup = config();
  if (cleanup->cleanup_compact && !cleanup->cleanup_delete) {
    return base::fail(errc::deletion_not_allowed, "{}: cleanup.policy is compact", name_.text());
  }
  TIDELOG_DO(log_->advance_log_start(end == model::no_offset ? log_->high_watermark() : end));
  return log_->log_start_offset();
}

base::result<std::uint64_t> partition::size_bytes() {
  const std::shared_lock use(in_use_);
  TIDELOG_DO(check_usable());
  return log_->size_bytes();
}

std::vector<storage::producer_description> partition::producers() const {
  const std::shared_lock use(in_use_);
  if (!check_usable()) return {};
  return log_->producers();
}

bool partition::watch(const std::shared_ptr<fetch_waiter>& waiter, const log_reach& seen, read_level level) {
  waiters_->add(
      {waiter, level, seen.high_watermark, seen.last_stable, seen.last_stable < seen.high_watermark});
  {
    // Looked at after the waiter is hung up: whoever moves one of the two from here on finds it.
    const std::shared_lock use(in_use_);
    if (check_usable()) {
      const auto now = reach_of(*log_);
      const bool has_less_hidden = level == read_level::committed_only && now.last_stable > seen.last_stable;
      if (now.high_watermark <= seen.high_watermark && !has_less_hidden) return true;
    }
  }
  waiters_->remove(waiter);
  return false;
}

void partition::unwatch(const std::shared_ptr<fetch_waiter>& waiter) {
  waiters_->remove(waiter);
}

void partition::wake_all() {
  waiters_->fire_all();
}

base::status partition::open(log_opener opener) {
  const std::unique_lock opening(opening_mutex_, std::try_to_lock);
  if (!opening) return base::fail(errc::recovering, "{}", name_.text());
  if (retired_ || check_available()) return check_available();
  {
    const std::unique_lock everybody_has_left(in_use_);
    log_.reset();
    why_offline_.reset();
  }
  auto opened = opener(retired_);
  {
    const std::unique_lock nobody_uses_it(in_use_);
    if (opened) {
      take(std::move(*opened));
    } else {
      why_offline_ = std::make_unique<const base::error>(std::move(opened.error()));
    }
  }
  return check_available();
}

/// Nobody can change config or epoch for the log while it is taken: who comes later finds it.
void partition::take(std::shared_ptr<storage::log> opened) {
  opened->set_progress_listener(
      [waiters = waiters_](const storage::log_progress& progress) { waiters->progressed(progress); });
  opened->update_config(log_config_of(*config()));
  log_ = std::move(opened);
  ++openings_;
  // A log that does not take the epoch is offline, and says why.
  static_cast<void>(log_->begin_epoch(leader_epoch()));
}

void partition::update_config(std::shared_ptr<const metadata::topic_config> config) {
  const auto for_log = log_config_of(*config);
  {
    const std::lock_guard lock(config_mutex_);
    config_ = std::move(config);
  }
  with_log([&](storage::log& log) { log.update_config(for_log); });
}

void partition::begin_epoch(model::leader_epoch epoch) {
  epoch_.store(epoch.value());
  with_log([&](storage::log& log) { static_cast<void>(log.begin_epoch(epoch)); });
}

void partition::retire() {
  begin_retiring();
  { const std::lock_guard opening_has_ended(opening_mutex_); }
  { const std::unique_lock everybody_has_left(in_use_); }
  wake_all();
}

storage::log_config log_config_of(const metadata::topic_config& config) {
  storage::log_config made;
  made.segment_bytes = config.segment_bytes;
  made.segment_ms = config.segment_ms;
  made.segment_jitter_ms = config.segment_jitter_ms;
  made.segment_index_bytes = config.segment_index_bytes;
  made.index_interval_bytes = config.index_interval_bytes;
  made.retention_ms = config.retention_ms;
  made.retention_bytes = config.retention_bytes;
  made.cleanup.remove = config.cleanup_delete;
  made.cleanup.compact = config.cleanup_compact;
  made.min_cleanable_dirty_ratio = config.min_cleanable_dirty_ratio;
  made.min_compaction_lag_ms = config.min_compaction_lag_ms;
  made.max_compaction_lag_ms = config.max_compaction_lag_ms;
  made.delete_retention_ms = config.delete_retention_ms;
  made.flush_messages = config.flush_messages;
  made.flush_ms = config.flush_ms;
  made.file_delete_delay_ms = config.file_delete_delay_ms;
  return made;
}

}  // namespace tidelog::partition
