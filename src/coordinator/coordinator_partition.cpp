#include "coordinator_partition.hpp"

#include "end_of_log.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/coordinator/group_error.hpp"
#include "tidelog/partition/partition_error.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tidelog::coordinator {

coordinator_partition::coordinator_partition(std::shared_ptr<partition::partition> log,
                                             coordinator_partition_environment environment, words called)
    : log_(std::move(log)), environment_(std::move(environment)), called_(called) {}

std::error_code coordinator_partition::refusal() const {
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

std::error_code coordinator_partition::pass(const std::function<answer_list()>& event) {
  answer_list told;
  {
    const std::lock_guard lock(mutex_);
    if (const auto why = refusal()) return why;
    told = event();
    note_deadline();
  }
  send(std::move(told));
  return {};
}

void coordinator_partition::note_deadline() {
  const auto next = next_due_ms();
  if (next < next_deadline_.exchange(next)) environment_.wake_at(next);
}

std::error_code coordinator_partition::outcome_of(const base::result<storage::appended>& appended) {
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
  if (!std::exchange(writes_fail_, true)) {
    base::say_error("{}: {} cannot be recorded for now: {}", log_->name().text(), called_.contents,
                    why.describe());
  }
  return errc::not_available;
}

void coordinator_partition::send(answer_list told) {
  auto& answers = told.answers();
  for (std::size_t at = 0; at < answers.size();) {
    auto& first = answers[at++];
    if (first.at_once) {
      first.at_once();
      continue;
    }
    if (log_->high_watermark() >= first.end) {
      first.when_durable({});
      continue;
    }
    std::vector<base::unique_function<void(std::error_code)>> waiting;
    waiting.push_back(std::move(first.when_durable));
    for (; at < answers.size() && answers[at].when_durable && answers[at].end == first.end; ++at)
      waiting.push_back(std::move(answers[at].when_durable));
    // Only weakly: where this were the last to hold the log, it would end on the thread that commits it, and wait for
    // itself.
    log_->when_committed(first.end, [owner = weak_from_this(), &workers = environment_.workers,
                                     waiting = std::move(waiting)](base::status state) mutable {
      const auto failure =
          state ? std::error_code() : std::error_code(make_error_code(errc::not_coordinator));
      if (auto self = state ? nullptr : owner.lock()) {
        workers.submit([self = std::move(self), why = state.error()] { self->durability_failed(why); });
      }
      for (auto& each : waiting) each(failure);
    });
  }
}

/// Memory is ahead of what will be found on disk, so what is kept is of no use any more. Called from under locks of the
/// log or the partition; the work is handed on.
void coordinator_partition::durability_failed(const base::error& why) {
  if (stage_.load() == stage::given_up || is_failing_.exchange(true)) return;
  base::say_error("{}: its {} are given up: {}", log_->name().text(), called_.contents, why.describe());
  environment_.workers.submit([self = shared_from_this()] { self->give_up(errc::not_coordinator); });
}

void coordinator_partition::give_up(std::error_code error) {
  stop_other_work();
  answer_list told;
  {
    const std::lock_guard lock(mutex_);
    const auto before = stage_.exchange(stage::given_up);
    if (before == stage::given_up) return;
    why_given_up_ = error;
    next_deadline_.store(no_deadline);
    // While it loads, what is kept belongs to the task that reads.
    if (before == stage::loading) return;
    told = end_waiting(error);
  }
  send(std::move(told));
}

void coordinator_partition::cannot_load(const base::error& why) {
  base::say_error("{}: its {} cannot be loaded: {}", log_->name().text(), called_.contents, why.describe());
  give_up(errc::not_coordinator);
}

void coordinator_partition::load() {
  load_started_ms_ = steady_now_ms(environment_.clock);
  openings_at_load_ = log_->openings();
  if (auto available = log_->check_available(); !available) {
    if (available.error().code != partition::errc::recovering) cannot_load(available.error());
    return;
  }
  log_record_reader::visitor visit;
  visit.record = [this](const auto& batch, const auto& record) { return replay(batch, record); };
  visit.control_batch = [this](const auto& batch) { return replay_control(batch); };
  reader_ = std::make_unique<log_record_reader>(log_, std::move(visit));
  if (reader_->is_done()) return serve();
  environment_.workers.submit([self = shared_from_this()] { self->load_some(); });
}

/// A piece at a time, so that other work of the pool comes between.
void coordinator_partition::load_some() {
  if (stage_.load() == stage::given_up) return;
  if (auto read = reader_->read_some(load_buffer_bytes()); !read) return cannot_load(read.error());
  if (reader_->is_done()) return serve();
  environment_.workers.submit([self = shared_from_this()] { self->load_some(); });
}

void coordinator_partition::serve() {
  answer_list told;
  {
    const std::lock_guard lock(mutex_);
    if (stage_.load() != stage::loading) return;
    end_ = reader_->end();
    told = finish_loading();
    load_time_ms_ = std::max<std::int64_t>(1, steady_now_ms(environment_.clock) - load_started_ms_);
    if (reader_->records() > 0) {
      base::say_info("{}: {} {} from {} record(s) in {} ms", log_->name().text(), kept_count(),
                     called_.of_a_number, reader_->records(), load_time_ms_.load());
    }
    reader_.reset();
    stage_.store(stage::serving);
    note_deadline();
  }
  send(std::move(told));
}

}  // namespace tidelog::coordinator
