#include "group_partition.hpp"

#include "end_of_log.hpp"
#include "subscription_pattern.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/partition/partition_error.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

/// The log is well, and does not want this batch: it is too large, or of a producer that is fenced.
bool is_refusal(const base::error& error) {
  return error.code.category() == storage::storage_category() && error.code != storage::errc::journal_failed;
}

}  // namespace

/// One event's passage, under the partition's lock.
class group_partition::live_step final : public group_step {
 public:
  explicit live_step(group_partition& owner)
      : owner_(owner),
        surroundings_(owner.environment_.surroundings->current()),
        now_ms_(steady_now_ms(owner.environment_.clock)),
        unix_now_ms_(owner.environment_.clock.now_ms()) {}

  [[nodiscard]] steady_ms now_ms() const override { return now_ms_; }
  [[nodiscard]] std::int64_t unix_now_ms() const override { return unix_now_ms_; }
  [[nodiscard]] const group_settings& settings() const override { return surroundings_->settings(); }
  [[nodiscard]] consumer_group_overrides overrides_of(const std::string& group_id) const override {
    return surroundings_->overrides_of(group_id);
  }
  [[nodiscard]] const topic_catalog& topics() const override { return surroundings_->topics(); }
  [[nodiscard]] std::string random_id() override { return base::random_uuid().text(); }
  [[nodiscard]] std::error_code write(const std::vector<group_record>& records) override {
    return records.empty() ? std::error_code() : owner_.append(records, {}, unix_now_ms_);
  }
  [[nodiscard]] std::error_code write_in_transaction(const transaction_writer& who,
                                                     const std::vector<group_record>& records) override {
    return owner_.append(records, who, unix_now_ms_);
  }
  [[nodiscard]] std::error_code write_transaction_end(const model::transaction_end& end) override {
    return owner_.append(end, unix_now_ms_);
  }
  [[nodiscard]] std::size_t max_write_bytes() const override { return owner_.max_batch_bytes(); }
  [[nodiscard]] std::vector<told> take_answers() { return std::move(answers_); }

 protected:
  void when_durable(base::unique_function<void(std::error_code)> told) override {
    answers_.push_back({std::move(told), {}});
  }
  void at_once(base::task told) override { answers_.push_back({{}, std::move(told)}); }

 private:
  group_partition& owner_;
  const std::shared_ptr<const group_surroundings> surroundings_;
  const steady_ms now_ms_;
  const std::int64_t unix_now_ms_;
  std::vector<told> answers_;
};

group_partition::group_partition(std::shared_ptr<partition::partition> log,
                                 group_partition_environment environment)
    : log_(std::move(log)), environment_(std::move(environment)) {}

std::error_code group_partition::refusal() const {
  switch (stage_.load()) {
    case stage::loading:
      return errc::load_in_progress;
    case stage::given_up:
      return why_given_up_;
    case stage::serving:
      break;
  }
  return {};
}

std::error_code group_partition::run(const std::function<void(group_step&)>& event) {
  std::vector<told> answers;
  model::offset end;
  {
    const std::lock_guard lock(mutex_);
    if (const auto why = refusal()) return why;
    live_step step(*this);
    event(step);
    answers = step.take_answers();
    end = end_;
    note_deadline();
  }
  send(std::move(answers), end);
  return {};
}

void group_partition::note_deadline() {
  const auto next = shard_.next_deadline_ms().value_or(no_deadline);
  if (next < next_deadline_.exchange(next)) environment_.wake_at(next);
}

std::size_t group_partition::max_batch_bytes() const {
  return static_cast<std::size_t>(log_->config()->max_message_bytes);
}

std::error_code group_partition::append(const std::vector<group_record>& records,
                                        const transaction_writer& who, std::int64_t unix_now_ms) {
  const auto most_bytes = max_batch_bytes();
  model::record_batch_fields fields;
  fields.producer_id = who.producer;
  fields.producer_epoch = who.epoch;
  if (who.producer != model::no_producer_id) fields.attributes = model::batch_attribute::transactional;
  model::record_batch_builder builder(fields);
  for (const auto& record : records) {
    const auto encoded = encode_group_record(record);
    builder.add(model::timestamp(unix_now_ms), base::byte_view(encoded.key),
                encoded.value ? model::nullable_bytes(*encoded.value) : std::nullopt);
    if (builder.size_bytes() > most_bytes) return errc::commit_too_large;
  }
  auto batch = builder.build();
  return outcome_of(log_->append(batch, storage::append_origin::internal, io::patience::waits_for_disk,
                                 who.verified_at_marker));
}

std::error_code group_partition::append(const model::transaction_end& end, std::int64_t unix_now_ms) {
  return outcome_of(log_->append_transaction_end(end, model::timestamp(unix_now_ms)));
}

/// What an append has come to for the one who asked for it.
std::error_code group_partition::outcome_of(const base::result<storage::appended>& appended) {
  if (appended) {
    end_ = appended->end_offset();
    writes_fail_ = false;
    return {};
  }
  const auto& why = appended.error();
  if (is_end_of_log(why)) {
    durability_failed(why);
    return errc::not_coordinator;
  }
  if (why.code == storage::errc::batch_too_large) return errc::commit_too_large;
  if (is_refusal(why)) return why.code;
  if (!std::exchange(writes_fail_, true)) {
    base::say_error("{}: groups cannot be recorded for now: {}", log_->name().text(), why.describe());
  }
  return errc::not_available;
}

void group_partition::send(std::vector<told> answers, model::offset end) {
  std::vector<base::unique_function<void(std::error_code)>> waiting;
  for (auto& each : answers) {
    if (each.at_once) {
      each.at_once();
    } else {
      waiting.push_back(std::move(each.when_durable));
    }
  }
  if (waiting.empty()) return;
  if (log_->high_watermark() >= end) {
    for (auto& each : waiting) each({});
    return;
  }
  // Only weakly: where this were the last to hold the log, it would end on the thread that commits it, and wait for
  // itself.
  log_->when_committed(end, [owner = weak_from_this(), &workers = environment_.workers,
                             waiting = std::move(waiting)](base::status state) mutable {
    const auto failure = state ? std::error_code() : std::error_code(make_error_code(errc::not_coordinator));
    if (auto self = state ? nullptr : owner.lock()) {
      workers.submit([self = std::move(self), why = state.error()] { self->durability_failed(why); });
    }
    for (auto& each : waiting) each(failure);
  });
}

/// Memory is ahead of what will be found on disk, so the groups are of no use any more. Called from under locks of the
/// log or the partition; the work is handed on.
void group_partition::durability_failed(const base::error& why) {
  if (stage_.load() == stage::given_up || is_failing_.exchange(true)) return;
  base::say_error("{}: its groups are given up: {}", log_->name().text(), why.describe());
  environment_.workers.submit([self = shared_from_this()] { self->give_up(errc::not_coordinator); });
}

void group_partition::give_up(std::error_code error) {
  std::vector<told> answers;
  {
    const std::lock_guard lock(mutex_);
    const auto before = stage_.exchange(stage::given_up);
    if (before == stage::given_up) return;
    why_given_up_ = error;
    next_deadline_.store(no_deadline);
    // While it loads, the shard belongs to the task that reads.
    if (before == stage::loading) return;
    live_step step(*this);
    shard_.give_up(step, error);
    answers = step.take_answers();
  }
  send(std::move(answers), model::offset(0));
}

std::error_code group_partition::list(std::vector<group_listing>& into) const {
  const std::lock_guard lock(mutex_);
  if (const auto why = refusal()) return why;
  shard_.list(into);
  return {};
}

void group_partition::advance() {
  next_deadline_.store(no_deadline);
  // A partition that does not serve has nothing that could be due.
  static_cast<void>(run([this](group_step& step) { shard_.advance(step); }));
}

void group_partition::expire_offsets() {
  static_cast<void>(run([this](group_step& step) { shard_.expire_offsets(step); }));
}

void group_partition::forget_topics(const std::vector<group_shard::deleted_topic>& topics) {
  {
    const std::lock_guard lock(mutex_);
    if (stage_.load() == stage::loading) {
      topics_to_forget_.insert(topics_to_forget_.end(), topics.begin(), topics.end());
      return;
    }
  }
  static_cast<void>(run([&](group_step& step) { shard_.forget_topics(step, topics); }));
}

bool group_partition::resolve_patterns() {
  const auto seen = environment_.surroundings->current();
  std::vector<group_shard::patterns_of_group> all;
  {
    const std::lock_guard lock(mutex_);
    if (stage_.load() == stage::serving) all = shard_.outdated_patterns(seen->topics().version());
  }
  bool are_written = true;
  for (const auto& of : all) {
    pattern_resolutions resolved;
    for (const auto& pattern : of.patterns)
      resolved.emplace(pattern, resolve_pattern(pattern, seen->topics()));
    // A partition that does not serve any more has no groups.
    static_cast<void>(run([&](group_step& step) {
      if (shard_.patterns_resolved(step, of.group_id, resolved)) are_written = false;
    }));
  }
  return are_written;
}

group_counts group_partition::counts() const {
  const std::lock_guard lock(mutex_);
  return stage_.load() == stage::serving ? shard_.counts() : group_counts();
}

void group_partition::list_progress(std::vector<group_progress>& into, progress_room& room) const {
  const std::lock_guard lock(mutex_);
  if (stage_.load() == stage::serving) shard_.list_progress(into, room);
}

group_activity group_partition::activity() const {
  const std::lock_guard lock(mutex_);
  return stage_.load() == stage::loading ? group_activity() : shard_.activity();
}

void group_partition::load() {
  load_started_ms_ = steady_now_ms(environment_.clock);
  openings_at_load_ = log_->openings();
  if (auto available = log_->check_available(); !available) {
    if (available.error().code == partition::errc::recovering) return;
    base::say_error("{}: its groups cannot be loaded: {}", log_->name().text(), available.error().describe());
    return give_up(errc::not_coordinator);
  }
  log_record_reader::visitor to_shard;
  to_shard.record = [this](const auto& batch, const auto& record) { return replay(batch, record); };
  to_shard.control_batch = [this](const auto& batch) { return replay_control(batch); };
  reader_ = std::make_unique<log_record_reader>(log_, std::move(to_shard));
  if (reader_->is_done()) return serve();
  environment_.workers.submit([self = shared_from_this()] { self->load_some(); });
}

/// Records of unknown kinds are passed over.
base::status group_partition::replay(const model::record_batch_view& batch,
                                     const model::record_view& record) {
  if (!record.key) return {};
  TIDELOG_TRY(const auto decoded, decode_group_record(*record.key, record.value));
  if (decoded)
    shard_.replay(*decoded, batch.is_transactional() ? batch.producer_id() : model::no_producer_id);
  return {};
}

base::status group_partition::replay_control(const model::record_batch_view& batch) {
  TIDELOG_TRY(const auto end, model::parse_transaction_end(batch));
  if (end) shard_.replay_end(end->producer, end->outcome);
  return {};
}

/// A piece at a time, so that other work of the pool comes between.
void group_partition::load_some() {
  if (stage_.load() == stage::given_up) return;
  const auto piece_bytes = environment_.surroundings->current()->load_buffer_bytes();
  if (auto read = reader_->read_some(piece_bytes); !read) {
    base::say_error("{}: its groups cannot be loaded: {}", log_->name().text(), read.error().describe());
    return give_up(errc::not_coordinator);
  }
  if (reader_->is_done()) return serve();
  environment_.workers.submit([self = shared_from_this()] { self->load_some(); });
}

void group_partition::serve() {
  std::vector<told> answers;
  model::offset end;
  {
    const std::lock_guard lock(mutex_);
    if (stage_.load() != stage::loading) return;
    end_ = reader_->end();
    live_step step(*this);
    shard_.loaded(step);
    if (!topics_to_forget_.empty()) shard_.forget_topics(step, topics_to_forget_);
    topics_to_forget_ = {};
    answers = step.take_answers();
    end = end_;
    load_time_ms_ = std::max<std::int64_t>(1, steady_now_ms(environment_.clock) - load_started_ms_);
    if (reader_->records() > 0) {
      base::say_info("{}: {} group(s) from {} record(s) in {} ms", log_->name().text(), shard_.group_count(),
                     reader_->records(), load_time_ms_.load());
    }
    reader_.reset();
    stage_.store(stage::serving);
    note_deadline();
    environment_.has_loaded();
  }
  send(std::move(answers), end);
}

}  // namespace tidelog::coordinator
