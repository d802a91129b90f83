#include "schedule_machine.hpp"

#include <algorithm>
#include <random>

namespace tidelog::test {
namespace {

const io::path data = "/data";
/// So small that it runs full.
constexpr std::uint64_t journal_bytes = 40 * storage::journal_block_bytes;

/// Ids that follow from the schedule, so that the same seed makes the same bytes, as different as ids that are drawn.
[[nodiscard]] model::topic_id topic_id_of(std::uint64_t number) {
  model::topic_id id{};
  std::mt19937_64 random(number);
  for (auto& each : id.bytes) each = static_cast<std::byte>(random());
  return id;
}

}  // namespace

void stepping_committer::request(storage::commit_source& source) {
  if (std::ranges::find(waiting_, &source) == waiting_.end()) waiting_.push_back(&source);
}

void stepping_committer::forget(storage::commit_source& source) {
  std::erase(waiting_, &source);
}

bool stepping_committer::step(std::mt19937_64& random) {
  if (waiting_.empty()) return false;
  const auto next = waiting_.begin() + static_cast<std::ptrdiff_t>(random() % waiting_.size());
  storage::commit_source* const source = *next;
  waiting_.erase(next);
  source->commit();
  return true;
}

scheduled_partition::scheduled_partition(std::string name, model::topic_id with_id,
                                         const storage::log_config& config, int first_sender)
    : topic(std::move(name)),
      id(with_id),
      promises(config),
      senders{{first_sender, {}, 0}, {first_sender + 1, {}, 0}} {}

schedule_machine::life::life(schedule_machine& of, std::size_t most_open_files)
    : open_files(most_open_files), environment{of.files, open_files, commits, of.clock} {}

scheduled_partition& schedule_machine::add_partition(const std::string& topic,
                                                     const storage::log_config& config) {
  partitions.push_back(
      std::make_unique<scheduled_partition>(topic, topic_id_of(next_id_++), config, next_sender_));
  next_sender_ += 2;
  return *partitions.back();
}

void schedule_machine::remove_partition(const scheduled_partition& gone) {
  std::erase_if(partitions, [&](const auto& each) { return each.get() == &gone; });
}

base::status schedule_machine::open(scheduled_partition& which, storage::when_missing missing) {
  TIDELOG_TRY(which.opened, directory().open_log(which.request(), missing));
  TIDELOG_DO(which.opened->begin_epoch(epoch()));
  which.is_created = true;
  which.unsynced_high_watermark = model::offset(0);
  bytes_set_aside += which.opened->recovery().bytes_set_aside;
  return {};
}

void schedule_machine::inject(fault to_come) {
  may_fail_ = true;
  files.inject(std::move(to_come));
}

void schedule_machine::fail_write_back() {
  may_fail_ = true;
  files.fail_write_back();
}

void schedule_machine::limit_capacity(std::uint64_t bytes) {
  may_fail_ = true;
  files.set_capacity_bytes(bytes);
}

bool schedule_machine::set_strangers_aside() {
  const auto found = directory().list();
  if (!found) return false;
  for (const auto& each : *found) {
    if (each.state != storage::directory_state::in_use) continue;
    const bool is_known = std::ranges::any_of(partitions, [&](const auto& known) {
      return known->topic == each.partition.topic && (!each.topic_id || *each.topic_id == known->id);
    });
    if (!is_known && !directory().set_aside_stray(each.partition)) return false;
  }
  return true;
}

bool schedule_machine::start() {
  ++epoch_;
  const bool must_be_clean = was_stopped_cleanly_;
  was_stopped_cleanly_ = false;
  life_ = std::make_unique<life>(*this, 4 + below(30));
  storage::log_directory_options options;
  if (!one_in(4)) options.journal_bytes = journal_bytes;
  options.journal_first_bytes = one_in(2) ? journal_bytes : journal_bytes / 2;
  options.journal_bytes_for_each_log = one_in(2) ? journal_bytes : journal_bytes / 16;
  options.journal_logs_in_a_round = 1 + below(4);
  options.journal_worker = &life_->commits;
  options.whole_sync_from_logs = 1 + below(3);
  options.whole_sync_at_rest_from_logs = 1 + below(3);
  auto taken = storage::log_directory::open(life_->environment, data, options);
  if (!taken) {
    require(files.is_down() || may_fail_, "the directory does not start: {}", taken.error().describe());
    return false;
  }
  life_->directory = std::move(*taken);
  require(!must_be_clean || directory().start() == storage::start_kind::clean,
          "the stop was clean, the start thinks otherwise");
  if (!set_strangers_aside()) return false;
  for (const auto& each : partitions) {
    const auto opened =
        open(*each, each->is_created ? storage::when_missing::fail : storage::when_missing::create);
    require(opened || files.is_down() || may_fail_, "{} does not open: {}", each->topic,
            opened ? "" : opened.error().describe());
  }
  return !files.is_down();
}

void schedule_machine::check_everything() {
  files.clear_faults();
  for (const auto& each : partitions) {
    if (!each->opened) continue;
    try {
      each->promises.check(*each->opened, each->stopped, random);
      ++checks;
      for (auto& sender : each->senders) sender.stored = each->promises.batches_of(sender.index);
    } catch (const broken_promise& failure) {
      if (files.is_down()) return;
      throw broken_promise(each->topic + ": " + failure.what());
    }
    each->stopped = last_stop::clean;
  }
}

void schedule_machine::note_promises() {
  for (const auto& each : partitions) {
    if (!each->opened) continue;
    auto& promises = each->promises;
    promises.log_starts(each->opened->log_start_offset());
    if (!is_running()) continue;
    promises.on_disk(each->opened->recovery_point());
    const auto shown = each->opened->high_watermark();
    if (promises.config().is_durable() && shown > each->unsynced_high_watermark) promises.on_disk(shown);
  }
}

void schedule_machine::let_go() {
  for (const auto& each : partitions) each->opened.reset();
  life_.reset();
}

bool schedule_machine::all_are_online() const {
  return std::ranges::all_of(partitions, [](const auto& each) { return each->is_online(); });
}

bool schedule_machine::stop() {
  const bool every_log_is_open = all_are_online();
  for (const auto& each : partitions) each->opened.reset();
  const bool closed = life_->directory->close(life_->pool, epoch_).has_value();
  was_stopped_cleanly_ = closed && every_log_is_open && !files.is_down();
  // What could not be read may leave something in the journal that nobody knows the owner of.
  if (was_stopped_cleanly_ && may_fail_)
    was_stopped_cleanly_ = files.exists(data / ".kafka_cleanshutdown").value_or(false);
  require(was_stopped_cleanly_ || !every_log_is_open || files.is_down() || may_fail_,
          "the stop was not clean");
  return was_stopped_cleanly_;
}

void schedule_machine::end_life(unsynced fate, std::uint64_t seed) {
  for (const auto& each : partitions) {
    if (each->opened && !each->is_online() && !files.is_down()) ++logs_offline;
    if (each->stopped == last_stop::power_cut || was_stopped_cleanly_) continue;
    each->stopped = fate == unsynced::kept ? last_stop::killed : last_stop::power_cut;
  }
  // A process that is gone writes nothing any more.
  files.cut_power();
  let_go();
  files.clear_faults();
  files.set_capacity_bytes(for_ever / 2);
  files.restart(fate, seed);
  may_fail_ = false;
}

}  // namespace tidelog::test
