#include "group_partition.hpp"

#include "end_of_log.hpp"
#include "subscription_pattern.hpp"

#include "tidelog/model/record_batch_builder.hpp"

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
        surroundings_(owner.surroundings_->current()),
        now_ms_(steady_now_ms(owner.clock())),
        unix_now_ms_(owner.clock().now_ms()) {}

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
  [[nodiscard]] answer_list take_answers() { return std::move(answers_); }

 protected:
  void when_durable(base::unique_function<void(std::error_code)> told) override {
    answers_.add(owner_.end(), std::move(told));
  }
  void at_once(base::task told) override { answers_.add(std::move(told)); }

 private:
  group_partition& owner_;
  const std::shared_ptr<const group_surroundings> surroundings_;
  const steady_ms now_ms_;
  const std::int64_t unix_now_ms_;
  answer_list answers_;
};

group_partition::group_partition(std::shared_ptr<partition::partition> log,
                                 group_partition_environment environment)
    : coordinator_partition(std::move(log), std::move(environment.shell), {"groups", "group(s)"}),
      surroundings_(std::move(environment.surroundings)),
      when_loaded_(std::move(environment.when_loaded)) {}

std::error_code group_partition::run(const std::function<void(group_step&)>& event) {
  return pass([&] {
    live_step step(*this);
    event(step);
    return step.take_answers();
  });
}

steady_ms group_partition::next_due_ms() const {
  return shard_.next_deadline_ms().value_or(no_deadline);
}

std::size_t group_partition::max_batch_bytes() const {
  return static_cast<std::size_t>(log()->config()->max_message_bytes);
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
  return outcome_for_group(log()->append(batch, storage::append_origin::internal,
                                         io::patience::waits_for_disk, who.verified_at_marker));
}

std::error_code group_partition::append(const model::transaction_end& end, std::int64_t unix_now_ms) {
  return outcome_for_group(log()->append_transaction_end(end, model::timestamp(unix_now_ms)));
}

std::error_code group_partition::outcome_for_group(const base::result<storage::appended>& appended) {
  if (!appended && !is_end_of_log(appended.error())) {
    const auto& why = appended.error();
    if (why.code == storage::errc::batch_too_large) return errc::commit_too_large;
    if (is_refusal(why)) return why.code;
  }
  return outcome_of(appended);
}

answer_list group_partition::end_waiting(std::error_code why) {
  live_step step(*this);
  shard_.give_up(step, why);
  return step.take_answers();
}

std::error_code group_partition::list(std::vector<group_listing>& into) const {
  const std::lock_guard lock(mutex_);
  if (const auto why = refusal()) return why;
  shard_.list(into);
  return {};
}

void group_partition::advance() {
  forget_deadline();
  // A partition that does not serve has nothing that could be due.
  static_cast<void>(run([this](group_step& step) { shard_.advance(step); }));
}

void group_partition::expire_offsets() {
  static_cast<void>(run([this](group_step& step) { shard_.expire_offsets(step); }));
}

void group_partition::forget_topics(const std::vector<group_shard::deleted_topic>& topics) {
  {
    const std::lock_guard lock(mutex_);
    if (current_stage() == stage::loading) {
      topics_to_forget_.insert(topics_to_forget_.end(), topics.begin(), topics.end());
      return;
    }
  }
  static_cast<void>(run([&](group_step& step) { shard_.forget_topics(step, topics); }));
}

bool group_partition::resolve_patterns() {
  const auto seen = surroundings_->current();
  std::vector<group_shard::patterns_of_group> all;
  {
    const std::lock_guard lock(mutex_);
    if (current_stage() == stage::serving) all = shard_.outdated_patterns(seen->topics().version());
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
  return current_stage() == stage::serving ? shard_.counts() : group_counts();
}

void group_partition::list_progress(std::vector<group_progress>& into, progress_room& room) const {
  const std::lock_guard lock(mutex_);
  if (current_stage() == stage::serving) shard_.list_progress(into, room);
}

group_partition::tally group_partition::work_done() const {
  const std::lock_guard lock(mutex_);
  return has_loaded() ? shard_.activity() : tally();
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

std::uint64_t group_partition::load_buffer_bytes() const {
  return surroundings_->current()->load_buffer_bytes();
}

answer_list group_partition::finish_loading() {
  live_step step(*this);
  shard_.loaded(step);
  if (!topics_to_forget_.empty()) shard_.forget_topics(step, topics_to_forget_);
  topics_to_forget_ = {};
  when_loaded_();
  return step.take_answers();
}

}  // namespace tidelog::coordinator
