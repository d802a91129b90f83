#include "tidelog/storage/log.hpp"

#include "commit_journal.hpp"
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>

namespace tidelog::storage {

std::size_t segment_list::floor(model::offset at) const {
  const auto after = std::upper_bound(all.begin(), all.end(), at, [](model::offset wanted, const auto& each) {
    return wanted < each->base_offset();
  });
  return after == all.begin() ? 0 : static_cast<std::size_t>(after - all.begin()) - 1;
}

log::core::core(const log_environment& shared, const io::path& where, log_config_ptr initial,
                const log_open_options& options)
    : segment_home{shared, io::compact_path(where)},
      given_up(options.given_up),
      compacted(initial->cleanup.compact),
      cleaned_end(options.cleaned_end.value()),
      log_start(options.log_start_offset.value()),
      recovery_point(options.recovery_point.value()),
      index_interval_bytes(initial->index_interval_bytes),
      flush_messages(initial->flush_messages),
      flush_ms(initial->flush_ms),
      durable(initial->is_durable()),
      last_write(options.whole),
      names_are_on_disk(options.names_are_on_disk) {
  config = std::move(initial);
}

log::log(std::unique_ptr<core> parts) : core_(std::move(parts)) {}

log::~log() {
  // Letting go cannot fail.
  static_cast<void>(close(close_kind::discard));
}

base::status log::close(close_kind kind) {
  core& c = *core_;
  {
    const std::lock_guard guard(c.append_mutex);
    if (c.closed) return {};
    c.closed = true;
  }
  abort_cleaning();
  const std::lock_guard no_cleaning(c.cleaning_mutex);
  if (c.account) c.seat.journal->leave(*c.account);
  c.environment.commits.forget(c);
  base::status outcome;
  std::uint64_t newly_readable = 0;
  if (kind == close_kind::clean) outcome = c.close_cleanly(newly_readable);
  if (newly_readable > 0) c.announce(newly_readable);
  {
    const std::lock_guard guard(c.waiters_mutex);
    c.waiters_closed = true;
  }
  c.fail_waiters(errc::closed);
  return outcome;
}

base::result<log::prepared_close> log::prepare_clean_close() {
  core& c = *core_;
  const std::lock_guard commits(c.commit_mutex);
  TIDELOG_DO(c.check_online());
  if (!c.touched || !c.last_write.believes_whole_syncs()) return prepared_close::by_itself;
  TIDELOG_DO(c.epochs.write_aside(c.environment.files, c.directory));
  if (const model::offset end = log_end_offset(); end.value() > 0) {
    TIDELOG_DO(write_producer_snapshot_aside(c.environment.files, c.directory, end, c.producers.snapshot()));
  }
  TIDELOG_DO(c.complete_active());
  c.close_is_prepared = true;
  return prepared_close::by_whole_sync;
}

base::status log::core::complete_active() {
  segment& active = tail().segments->active();
  active.complete_indexes();
  active.mark_sealed();
  TIDELOG_DO(active.create_missing_files());
  TIDELOG_DO(mark_cut_dirty(active));
  last_write.note();
  return {};
}

base::status log::core::close_cleanly(std::uint64_t& newly_readable) {
  const std::lock_guard commits(commit_mutex);
  TIDELOG_DO(check_online());
  if (!touched) return {};
  const bool is_on_disk = close_is_prepared && last_write.is_on_disk();
  if (is_on_disk) {
    names_synced.store(names_made.load());
    parent_dirty.store(false);
  } else {
    TIDELOG_DO(complete_active());
  }
  TIDELOG_DO(sync_now(sync_scope::everything, newly_readable));
  write_pending_snapshots();
  const model::offset end(log_end.load());
  const bool has_snapshot = end.value() > 0;
  if (is_on_disk) {
    TIDELOG_DO(epochs.put_in_place(environment.files, directory));
    if (has_snapshot)
      TIDELOG_DO(io::put_replacement_in_place(environment.files, directory / producer_snapshot_name(end)));
  } else {
    io::drop_replacement(environment.files, directory / leader_epoch_cache::file_name);
    io::drop_replacement(environment.files, directory / producer_snapshot_name(end));
    TIDELOG_DO(epochs.flush(environment.files, directory));
    if (has_snapshot)
      TIDELOG_DO(write_producer_snapshot(environment.files, directory, end, producers.snapshot()));
  }
  if (has_snapshot) TIDELOG_DO(remove_stale_snapshots());
  return is_on_disk ? base::status() : environment.files.sync_directory(directory);
}

base::status log::core::remove_stale_snapshots() {
  const auto segments = tail().segments;
  std::vector<model::offset> bases;
  for (const auto& each : segments->all) bases.push_back(each->base_offset());
  return remove_stale_producer_snapshots(environment.files, directory, bases);
}

void log::set_progress_listener(progress_listener listener) {
  core_->listener = std::move(listener);
}

void log::set_roll_listener(base::task listener) {
  core_->roll_listener = std::move(listener);
}

void log::set_offline_listener(offline_listener listener) {
  const std::lock_guard guard(core_->offline_mutex);
  core_->when_offline = std::move(listener);
  if (core_->offline.load()) core_->when_offline(*core_->offline_reason);
}

model::offset log::log_start_offset() const {
  return model::offset(core_->log_start.load(std::memory_order_acquire));
}

model::offset log::log_end_offset() const {
  return model::offset(core_->log_end.load(std::memory_order_acquire));
}

model::offset log::high_watermark() const {
  return model::offset(core_->committed_end.load(std::memory_order_acquire));
}

model::offset log::recovery_point() const {
  return model::offset(core_->recovery_point.load(std::memory_order_acquire));
}

std::size_t log::segment_count() const {
  return core_->tail().segments->all.size();
}

base::result<std::vector<segment_description>> log::segments() {
  const log_tail now = core_->tail();
  std::vector<segment_description> described;
  described.reserve(now.segments->all.size());
  for (const auto& each : now.segments->all) {
    TIDELOG_TRY(const std::uint64_t bytes, each->size());
    described.push_back({each->base_offset(), bytes});
  }
  return described;
}

base::result<std::uint64_t> log::size_bytes() {
  const log_tail now = core_->tail();
  std::uint64_t sum = 0;
  for (const auto& each : now.segments->all) {
    TIDELOG_TRY(const std::uint64_t bytes, each->size());
    sum += bytes;
  }
  return sum;
}

recovery_report log::recovery() const {
  return core_->findings.report();
}

log_health log::health() const {
  return core_->offline.load(std::memory_order_acquire) ? log_health::offline : log_health::online;
}

base::status log::check_online() const {
  return core_->check_online();
}

bool log::is_out_of_room() const {
  const std::lock_guard guard(core_->offline_mutex);
  return core_->offline.load() && io::is_out_of_space(core_->offline_reason->code);
}

io::path log::directory() const {
  return core_->directory;
}

log_config log::config() const {
  const std::lock_guard guard(core_->append_mutex);
  return *core_->config;
}

std::optional<model::leader_epoch> log::latest_epoch() const {
  const std::lock_guard guard(core_->epochs_mutex);
  return core_->epochs.latest_epoch();
}

epoch_end log::end_offset_for(model::leader_epoch requested) const {
  const std::lock_guard guard(core_->epochs_mutex);
  return core_->epochs.end_offset_for(requested, log_end_offset());
}

std::optional<model::leader_epoch> log::epoch_at(model::offset at) const {
  const std::lock_guard guard(core_->epochs_mutex);
  return core_->epochs.epoch_at(at);
}

base::status log::begin_epoch(model::leader_epoch epoch) {
  const std::lock_guard appends(core_->append_mutex);
  TIDELOG_DO(core_->check_online());
  if (epoch <= core_->current_epoch) return {};
  const std::lock_guard guard(core_->epochs_mutex);
  core_->epochs.assign(epoch, log_end_offset());
  core_->current_epoch = epoch;
  return {};
}

std::vector<producer_description> log::producers() const {
  const std::lock_guard guard(core_->append_mutex);
  return core_->producers.describe();
}

std::size_t log::expire_producers(base::unix_ms now_ms, std::int64_t expiration_ms) {
  const std::lock_guard guard(core_->append_mutex);
  return core_->producers.expire(now_ms, expiration_ms);
}

void log::update_config(const log_config& config) {
  core& c = *core_;
  std::uint64_t newly_readable = 0;
  {
    const std::lock_guard guard(c.append_mutex);
    // Logs that are configured alike share one object.
    if (*c.config == config) return;
    c.config = std::make_shared<const log_config>(config);
    c.compacted.store(config.cleanup.compact);
    c.index_interval_bytes.store(config.index_interval_bytes);
    c.flush_ms.store(config.flush_ms);
    c.durable.store(config.is_durable());
    c.flush_messages.store(config.flush_messages);
    newly_readable = c.publish_end(c.tail().end);
  }
  if (newly_readable > 0) c.announce(newly_readable);
}

}  // namespace tidelog::storage
