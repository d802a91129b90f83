#include "schedule.hpp"

#include "schedule_machine.hpp"

#include "tidelog/model/record_batch_builder.hpp"

#include <algorithm>
#include <array>

namespace tidelog::test {
namespace {

constexpr std::size_t first_life_steps = 60;
constexpr std::size_t later_life_steps = 20;

[[nodiscard]] storage::log_config random_config(schedule_machine& machine) {
  storage::log_config config;
  constexpr std::array<std::int64_t, 4> flush_choices{1, 1, 3, storage::never_flush};
  config.flush_messages = flush_choices.at(machine.below(flush_choices.size()));
  if (machine.one_in(4)) config.flush_ms = 200;
  config.segment_bytes = static_cast<std::int64_t>(300 + machine.below(900));
  config.segment_ms = machine.one_in(3) ? 500 : 604'800'000;
  config.index_interval_bytes = static_cast<std::int64_t>(machine.below(300));
  config.snapshot_stretch_bytes = static_cast<std::int64_t>(100 + machine.below(800));
  if (machine.one_in(3)) config.retention_bytes = static_cast<std::int64_t>(machine.below(3000));
  if (machine.one_in(3)) config.retention_ms = 1000;
  config.file_delete_delay_ms = static_cast<std::int64_t>(machine.below(2) * 300);
  if (machine.one_in(3)) {
    config.cleanup = {.remove = machine.one_in(3), .compact = true};
    config.delete_retention_ms = static_cast<std::int64_t>(machine.below(2) * 300);
    config.min_cleanable_dirty_ratio = 0;
  }
  return config;
}

/// What clients, the daemon's own chores and the disk do, one thing after the other.
class working_life {
 public:
  working_life(schedule_machine& machine, schedule_figures& figures) : machine_(machine), figures_(figures) {}

  /// Until so many things are done, or the machine has stopped.
  void work(std::size_t steps, bool disk_may_fail) {
    disk_may_fail_ = disk_may_fail;
    for (std::size_t i = 0; i < steps && machine_.is_running(); ++i) {
      if (!machine_.partitions.empty())
        do_something(*machine_.partitions[machine_.below(machine_.partitions.size())]);
      machine_.note_promises();
    }
    while (machine_.is_running() && machine_.one_in(2) && machine_.commits().step(machine_.random)) {
    }
    machine_.note_promises();
  }

 private:
  void do_something(scheduled_partition& at) {
    const auto what = machine_.below(100);
    if (what < 12) return commit_some();
    if (what < 16) return machine_.clock.advance(std::chrono::milliseconds(machine_.below(400)));
    if (what < 20) return write_checkpoints();
    if (what < 22) return come_and_go(at);
    if (what < 23) return remove_directories();
    if (what < 26) return disk_may_fail_ ? trouble_the_disk() : commit_some();
    if (!at.is_online()) return;
    if (what < 62) return append(at);
    if (what < 66) return send_again(at);
    if (what < 69) return change_flushing(at);
    if (what < 73) return read(at);
    if (what < 86) return look_after(*at.opened, what);
    if (what < 91) return delete_records(at);
    clean(at);
  }

  void commit_some() {
    for (auto left = 1 + machine_.below(4); left > 0 && machine_.commits().step(machine_.random); --left) {
    }
  }
  void write_checkpoints() {
    std::vector<model::offset> starts;
    for (const auto& each : machine_.partitions)
      starts.push_back(each->opened ? each->opened->log_start_offset() : model::offset(0));
    if (!machine_.directory().write_checkpoints()) return;
    for (std::size_t i = 0; i < starts.size(); ++i)
      machine_.partitions[i]->promises.log_starts_for_good(starts[i]);
  }
  void remove_directories() { machine_.directory().remove_deleted(machine_.clock.now_ms()); }

  /// A topic is deleted, and perhaps made again under its name; or another one is made.
  void come_and_go(scheduled_partition& at) {
    std::string name = "topic" + std::to_string(machine_.partitions.size());
    if (machine_.one_in(2)) {
      name = at.topic;
      // From here on the metadata knows it no more, whatever becomes of its directory.
      static_cast<void>(machine_.directory().delete_log(
          {name, model::partition_index(0)},
          machine_.clock.now_ms() + static_cast<base::unix_ms>(machine_.below(500))));
      machine_.remove_partition(at);
      if (machine_.one_in(4) || !machine_.is_running()) return;
    }
    const bool is_taken =
        std::ranges::any_of(machine_.partitions, [&](const auto& each) { return each->topic == name; });
    if (is_taken) return;
    // What fails here is opened by the next start.
    static_cast<void>(
        machine_.open(machine_.add_partition(name, random_config(machine_)), storage::when_missing::create));
  }

  void trouble_the_disk() {
    if (machine_.one_in(4)) return machine_.files.clear_faults();
    if (machine_.one_in(6)) {
      const auto room = machine_.files.space("/data");
      if (!room) return;
      full_ = !full_;
      const auto used = room->capacity_bytes - room->available_bytes;
      machine_.limit_capacity(full_ ? used + machine_.below(600) : for_ever / 2);
      return;
    }
    if (machine_.one_in(4)) return let_names_fail();
    constexpr std::array operations{
        operation::open,   operation::read, operation::write,          operation::write,
        operation::sync,   operation::sync, operation::truncate,       operation::rename,
        operation::remove, operation::list, operation::sync_directory, operation::make_directory};
    if (machine_.one_in(8)) return let_whole_syncs_fail();
    constexpr std::array<const char*, 9> places{
        "", "", ".log", ".index", ".snapshot", "checkpoint", ".swap", ".cleaned", "commit-journal"};
    machine_.inject({.what = operations.at(machine_.below(operations.size())),
                     .error_number = machine_.one_in(2) ? EIO : ENOSPC,
                     .path_contains = places.at(machine_.below(places.size())),
                     .after = machine_.below(6),
                     .times = machine_.one_in(4) ? for_ever : 1 + machine_.below(3),
                     .bytes_written = machine_.below(120)});
  }

  void let_whole_syncs_fail() {
    if (machine_.one_in(2)) return machine_.fail_write_back();
    machine_.inject({.what = operation::sync_volume, .error_number = EIO, .after = machine_.below(3)});
  }

  /// Once: what comes after it meets names of which nobody knows whether they are on disk.
  void let_names_fail() {
    machine_.inject({.what = machine_.one_in(4) ? operation::rename : operation::sync_directory,
                     .error_number = EIO,
                     .after = machine_.below(4)});
  }

  [[nodiscard]] sent_batch new_batch(batch_origin from) {
    sent_batch made{from, {}};
    for (auto left = 1 + machine_.below(4); left > 0; --left) {
      sent_record record;
      record.timestamp = machine_.clock.now_ms();
      record.key = "key " + std::to_string(machine_.below(6));
      if (!machine_.one_in(5))
        record.value = std::to_string(machine_.next_number()) +
                       std::string(machine_.below(machine_.one_in(8) ? 300 : 40), '.');
      made.records.push_back(std::move(record));
    }
    return made;
  }

  struct outcome {
    base::result<storage::appended> told;
    model::offset end_before{};
  };
  outcome offer(scheduled_partition& at, const sent_batch& batch, std::size_t first_sequence) {
    model::record_batch_fields fields;
    if (batch.from.sender != unknown_sender) {
      fields.producer_id = producer_id_of(batch.from.sender);
      fields.producer_epoch = model::producer_epoch(0);
      fields.base_sequence = model::sequence(static_cast<std::int32_t>(first_sequence));
    }
    model::record_batch_builder builder(fields);
    for (const auto& each : batch.records) {
      builder.add(model::timestamp(each.timestamp), base::as_bytes(*each.key),
                  each.value ? model::nullable_bytes(base::as_bytes(*each.value)) : std::nullopt);
    }
    auto bytes = builder.build();
    outcome done{{}, at.opened->log_end_offset()};
    done.told = at.opened->append(bytes, {.leader_epoch = machine_.epoch()});
    ++figures_.appends;
    if (!done.told) return done;
    // The acknowledgement of a durable topic says: on disk.
    at.opened->when_committed(
        done.told->end_offset(), [&at, end = done.told->end_offset()](base::status acknowledged) {
          if (acknowledged && at.promises.config().is_durable() && end > at.unsynced_high_watermark)
            at.promises.on_disk(end);
        });
    return done;
  }

  static std::size_t sequence_of(const scheduled_partition::sender& of, std::size_t number) {
    std::size_t sequence = 0;
    for (std::size_t i = 0; i < number; ++i) sequence += of.made[i].records.size();
    return sequence;
  }

  void append(scheduled_partition& at) {
    if (machine_.one_in(3)) {
      const auto batch = new_batch({unknown_sender, machine_.next_number()});
      return note(at, batch, offer(at, batch, 0));
    }
    auto& sender = at.senders[machine_.below(at.senders.size())];
    // What was lost, or never got in, is sent again as it was.
    if (sender.stored == sender.made.size())
      sender.made.push_back(new_batch({sender.index, sender.made.size()}));
    const auto& batch = sender.made[sender.stored];
    const auto done = offer(at, batch, sequence_of(sender, sender.stored));
    note(at, batch, done);
    if (done.told) ++sender.stored;
  }

  void note(scheduled_partition& at, const sent_batch& batch, const outcome& done) {
    if (!done.told) {
      const auto& error = done.told.error();
      require(error.code != storage::errc::out_of_order_sequence,
              "{}: the next batch of a producer is refused: {}", at.topic, error.describe());
      return at.promises.refused(done.end_before, batch);
    }
    require(done.told->outcome == storage::append_outcome::stored, "{}: a new batch passes for a duplicate",
            at.topic);
    at.promises.stored(done.told->base_offset, batch);
  }

  /// A client that has not got the answer: the broker tells where the batch is, and does not store it again.
  void send_again(scheduled_partition& at) {
    const auto& sender = at.senders[machine_.below(at.senders.size())];
    // Compaction keeps the last batch of each producer only.
    const std::size_t known = at.promises.config().cleanup.compact ? 1 : 5;
    const auto back = 1 + machine_.below(known);
    if (back > sender.stored) return;
    const auto& batch = sender.made[sender.stored - back];
    const auto place = at.promises.place_of(batch.from);
    if (!place || *place < at.opened->log_start_offset()) return;
    const auto done = offer(at, batch, sequence_of(sender, batch.from.number));
    if (!done.told) {
      require(machine_.may_fail() || machine_.files.is_down(), "{}: a batch sent again is refused: {}",
              at.topic, done.told.error().describe());
      return;
    }
    require(done.told->outcome == storage::append_outcome::duplicate && done.told->base_offset == *place,
            "{}: batch {} of sender {} is at {}, sent again it gets {}", at.topic, batch.from.number,
            sender.index, place->value(), done.told->base_offset.value());
  }

  static void read(scheduled_partition& at) {
    // A read may find an index wrong and write it anew, or damage, which there is none of.
    static_cast<void>(at.opened->read(at.opened->log_start_offset(), {.max_bytes = 4096},
                                      storage::read_bound::high_watermark()));
  }

  void change_flushing(scheduled_partition& at) {
    auto config = at.promises.config();
    if (!config.is_durable()) at.unsynced_high_watermark = at.opened->log_end_offset();
    config.flush_messages = config.is_durable() ? storage::never_flush : 1;
    at.promises.update_config(config);
    at.opened->update_config(config);
  }

  void look_after(storage::log& log, std::uint64_t what) const {
    const auto now_ms = machine_.clock.now_ms();
    switch (what % 7) {
      case 0:
        return static_cast<void>(log.roll());
      case 1:
        return static_cast<void>(log.flush());
      case 2:
        return log.sync_closed_segments();
      case 3:
        return log.flush_if_due(now_ms);
      case 4:
        return static_cast<void>(log.delete_old_segments(now_ms));
      case 5:
        for (int looks = 0; looks < 3; ++looks) {
          if (log.rest_if_idle() == storage::log::idleness::unsynced) log.sync_soon();
        }
        return;
      default:
        return static_cast<void>(log.remove_deleted_files(now_ms));
    }
  }

  void delete_records(scheduled_partition& at) {
    if (at.promises.config().cleanup.compact) return;
    const auto start = at.opened->log_start_offset().value();
    const auto end = at.opened->high_watermark().value();
    if (start >= end) return;
    const auto wanted = model::offset(
        start + static_cast<std::int64_t>(machine_.below(static_cast<std::uint64_t>(end - start)) / 2));
    static_cast<void>(at.opened->advance_log_start(wanted));
    at.promises.log_starts(at.opened->log_start_offset());
    if (machine_.one_in(2)) write_checkpoints();
  }

  void clean(scheduled_partition& at) {
    if (!at.promises.config().cleanup.compact) return static_cast<void>(at.opened->flush());
    at.promises.cleaning_begins();
    storage::cleaning_resources with;
    with.most_map_bytes = static_cast<std::size_t>(24 * (2 + machine_.below(20)));
    with.map_load_factor = 1;
    with.buffer_bytes = static_cast<std::size_t>(1 + machine_.below(1000));
    static_cast<void>(at.opened->clean(with));
  }

  schedule_machine& machine_;
  schedule_figures& figures_;
  bool disk_may_fail_ = false;
  bool full_ = false;
};

[[nodiscard]] const char* name_of(operation what) {
  switch (what) {
    case operation::open:
      return "create";
    case operation::write:
      return "write";
    case operation::sync:
      return "sync";
    case operation::truncate:
      return "truncate";
    case operation::rename:
      return "rename";
    case operation::remove:
      return "remove";
    case operation::make_directory:
      return "make directory";
    case operation::sync_directory:
      return "sync directory";
    case operation::sync_volume:
      return "sync of all";
    case operation::lock:
      return "create";
    default:
      return "other";
  }
}

/// What is behind a base offset or a topic's name, so that places can be counted by their kind.
[[nodiscard]] std::string kind_of(std::string paths) {
  if (const auto second = paths.find('\n'); second != std::string::npos) paths.resize(second);
  const auto name = io::path(paths).filename().string();
  if (name.ends_with("-delete") || name.ends_with("-stray")) return "directory out of use";
  if (!name.empty() && name.find_first_not_of("0123456789.") != 0 && name.starts_with("0000"))
    return name.substr(name.find('.'));
  return name.starts_with("topic") ? "partition directory" : name;
}

void note_stop(const schedule_machine& machine, schedule_figures& figures) {
  const auto at = machine.files.change_at_cut();
  if (at) ++figures.stopped_at[std::string(name_of(at->what)) + " " + kind_of(at->paths)];
}

/// From a stop to the next: what happens to the disk, the starts, of which some are stopped too, and the checks.
class afterlife {
 public:
  afterlife(schedule_machine& machine, schedule_figures& figures) : machine_(machine), figures_(figures) {}

  void rest() {
    note_stop(machine_, figures_);
    const auto fate = machine_.below(5);
    const auto kind = fate == 0 ? unsynced::lost : fate <= 2 ? unsynced::kept : unsynced::random;
    ++(kind == unsynced::kept ? figures_.kills : figures_.power_cuts);
    machine_.end_life(kind, machine_.random());
  }
  enum class wanted { any_start, all_logs_open };
  void start_again(wanted what) {
    for (int attempts = 0;; ++attempts) {
      const bool is_disturbed = attempts < 3 && machine_.one_in(3);
      if (is_disturbed && machine_.one_in(3)) trouble_recovery();
      if (is_disturbed) machine_.files.cut_power_at(machine_.below(40));
      const bool started = machine_.start();
      if (started) machine_.check_everything();
      if (started && machine_.is_running() && (what == wanted::any_start || machine_.all_are_online()))
        return machine_.files.cut_power_at(for_ever);
      if (machine_.files.is_down()) ++figures_.stops_in_recovery;
      rest();
    }
  }

 private:
  void trouble_recovery() {
    constexpr std::array operations{operation::open,     operation::read,   operation::write, operation::sync,
                                    operation::truncate, operation::rename, operation::remove};
    machine_.inject({.what = operations.at(machine_.below(operations.size())),
                     .error_number = EIO,
                     .path_contains = "topic",
                     .after = machine_.below(20),
                     .times = 1 + machine_.below(3)});
  }

  schedule_machine& machine_;
  schedule_figures& figures_;
};

void live_first(schedule_machine& machine, schedule_figures& figures, std::uint64_t seed) {
  if (!machine.start()) return;
  for (auto left = 1 + machine.below(3); left > 0; --left) {
    auto& added = machine.add_partition("topic" + std::to_string(left), random_config(machine));
    if (!machine.open(added, storage::when_missing::create)) return;
  }
  working_life(machine, figures).work(first_life_steps, seed % 3 == 0);
  if (machine.is_running() && machine.one_in(2)) machine.stop();
}

}  // namespace

void schedule_figures::add(const schedule_figures& other) {
  schedules += other.schedules;
  appends += other.appends;
  power_cuts += other.power_cuts;
  kills += other.kills;
  stops_in_recovery += other.stops_in_recovery;
  clean_stops += other.clean_stops;
  failed_operations += other.failed_operations;
  logs_offline += other.logs_offline;
  checks += other.checks;
  bytes_set_aside += other.bytes_set_aside;
  for (const auto& [place, count] : other.stopped_at) stopped_at[place] += count;
}

std::uint64_t count_changes(std::uint64_t seed) {
  schedule_machine machine(seed);
  schedule_figures nobody_counts;
  live_first(machine, nobody_counts, seed);
  return machine.files.changes();
}

void run(const schedule& what, schedule_figures& figures) {
  schedule_machine machine(what.seed);
  machine.files.cut_power_at(what.cut);
  live_first(machine, figures, what.seed);
  // The same first life goes on in another way for each place at which it was cut.
  machine.random.seed(what.seed * 1'000'003 + what.cut);
  afterlife after(machine, figures);
  after.rest();
  for (auto lives = 1 + machine.below(4); lives > 0; --lives) {
    after.start_again(afterlife::wanted::any_start);
    working_life next(machine, figures);
    machine.files.cut_power_at(machine.files.changes() + machine.below(200));
    next.work(later_life_steps, machine.one_in(2));
    after.rest();
  }
  while (true) {
    after.start_again(afterlife::wanted::all_logs_open);
    machine.note_promises();
    if (machine.stop()) break;
    require(machine.may_fail(), "the last stop was not clean");
    after.rest();
  }
  ++figures.clean_stops;
  machine.end_life(unsynced::lost, 0);
  require(machine.start(), "no start after a clean stop");
  machine.check_everything();
  ++figures.schedules;
  figures.checks += machine.checks;
  figures.logs_offline += machine.logs_offline;
  figures.failed_operations += machine.files.faults_met();
  figures.bytes_set_aside += machine.bytes_set_aside;
}

}  // namespace tidelog::test
