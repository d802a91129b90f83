#include "marker_writer.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/partition/partition_error.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

constexpr steady_ms first_retry_ms = 50;
constexpr steady_ms last_retry_ms = 2'000;

/// The partition knows of something later, so that this marker has nothing to end there any more.
bool is_outdated(std::error_code why) {
  return why == storage::errc::invalid_producer_epoch || why == storage::errc::coordinator_fenced;
}

bool is_gone(std::error_code why) {
  return why == partition::errc::unknown_partition;
}

}  // namespace

/// One order under way. The partitions' outcomes come one by one; the last ends the round.
struct marker_writer::job {
  marker_order order;
  std::shared_ptr<customer> by;
  base::task done;
  steady_ms next_retry_ms = first_retry_ms;

  std::mutex mutex;
  std::size_t missing = 0;
  std::vector<model::topic_partition> failed;
  std::error_code why_failed;
};

/// Outlives the writer: commits that are under way come back to it.
struct marker_writer::shared : std::enable_shared_from_this<shared> {
  using job_ptr = std::shared_ptr<job>;
  struct retry {
    job_ptr of;
    steady_ms at_ms;
  };

  explicit shared(marker_writer_environment environment_in) : environment(std::move(environment_in)) {}

  void submit(job_ptr of) {
    {
      const std::lock_guard lock(mutex);
      if (is_stopped) return;
      ++under_way;
    }
    environment.workers.submit([self = shared_from_this(), of = std::move(of)] {
      self->begin_round(of);
      self->one_is_over();
    });
  }
  void one_is_over() {
    const std::lock_guard lock(mutex);
    if (--under_way == 0) all_over.notify_all();
  }

  void begin_round(const job_ptr& of) {
    auto partitions = std::exchange(of->order.partitions, {});
    {
      const std::lock_guard lock(of->mutex);
      // One more for the round itself, so that it does not end before all have begun.
      of->missing = partitions.size() + 1;
    }
    for (auto& each : partitions) write_one(of, std::move(each));
    one_written(of, {}, {});
  }

  void write_one(const job_ptr& of, model::topic_partition where) {
    const std::lock_guard lock(of->by->mutex_);
    if (of->by->is_withdrawn_) return one_written(of, {}, {});
    const auto place = where;
    append(place, of->order.end,
           [self = shared_from_this(), of, where = std::move(where)](std::error_code error) mutable {
             self->one_written(of, std::move(where), error);
           });
  }

  void append(const model::topic_partition& where, const model::transaction_end& end,
              reply<std::error_code> to) const {
    const auto hosted = environment.partitions.find(where.topic);
    const auto target = hosted ? hosted->find(where.partition) : nullptr;
    if (!target) return to(make_error_code(partition::errc::unknown_partition));
    if (where.topic == offsets_topic) {
      environment.groups.end_transaction(
          where.partition.value(), end,
          [to = std::move(to)](const transaction_end_answer& answer) mutable { to(answer.error); });
      return;
    }
    const auto stored = target->append_transaction_end(end, model::timestamp(environment.clock.now_ms()));
    if (!stored) return to(stored.error().code);
    target->when_committed(stored->end_offset(), [to = std::move(to)](const base::status& state) mutable {
      to(state ? std::error_code() : state.error().code);
    });
  }

  /// On any thread.
  void one_written(const job_ptr& of, model::topic_partition where, std::error_code why_not) {
    if (is_outdated(why_not)) {
      base::say_warning("{}: transaction {} has ended there already", where.text(),
                        of->order.transactional_id);
    }
    std::unique_lock lock(of->mutex);
    if (why_not && !is_outdated(why_not) && !is_gone(why_not)) {
      of->why_failed = why_not;
      of->failed.push_back(std::move(where));
    }
    if (--of->missing > 0) return;
    of->order.partitions = std::exchange(of->failed, {});
    lock.unlock();
    end_round(of);
  }

  void end_round(const job_ptr& of) {
    if (of->order.partitions.empty()) {
      const std::lock_guard lock(mutex);
      if (is_stopped) return;
      ++under_way;
      environment.workers.submit([self = shared_from_this(), of] {
        self->finish(*of);
        self->one_is_over();
      });
      return;
    }
    if (of->next_retry_ms == first_retry_ms) {
      base::say_warning(
          "transaction {}: {} partition(s) cannot take its marker yet ({}: {}); it is tried again",
          of->order.transactional_id, of->order.partitions.size(), of->order.partitions.front().text(),
          of->why_failed.message());
    }
    const auto at_ms = steady_now_ms(environment.clock) + of->next_retry_ms;
    of->next_retry_ms = std::min(2 * of->next_retry_ms, last_retry_ms);
    {
      const std::lock_guard lock(mutex);
      if (is_stopped) return;
      retries.push_back({of, at_ms});
    }
    environment.wake_at(at_ms);
  }

  static void finish(job& of) {
    {
      const std::lock_guard lock(of.by->mutex_);
      if (of.by->is_withdrawn_) return;
    }
    of.done();
  }

  const marker_writer_environment environment;
  mutable std::mutex mutex;
  std::condition_variable all_over;
  std::size_t under_way = 0;
  bool is_stopped = false;
  std::vector<retry> retries;
};

void marker_writer::customer::withdraw() {
  const std::lock_guard lock(mutex_);
  is_withdrawn_ = true;
}

marker_writer::marker_writer(marker_writer_environment environment)
    : shared_(std::make_shared<shared>(std::move(environment))) {}

marker_writer::~marker_writer() {
  stop();
}

void marker_writer::write(marker_order order, std::shared_ptr<customer> by, base::task done) {
  auto made = std::make_shared<job>();
  made->order = std::move(order);
  made->by = std::move(by);
  made->done = std::move(done);
  shared_->submit(std::move(made));
}

void marker_writer::append(const model::topic_partition& where, const model::transaction_end& end,
                           reply<std::error_code> to) {
  shared_->append(where, end, std::move(to));
}

void marker_writer::append_again(const model::topic_partition& where, const model::transaction_end& end) {
  const auto hosted = shared_->environment.partitions.find(where.topic);
  const auto target = hosted ? hosted->find(where.partition) : nullptr;
  if (!target) return;
  const auto known = target->producers();
  const bool is_open = std::ranges::any_of(known, [&](const auto& each) {
    return each.producer == end.producer && each.current_txn_first_offset != model::no_offset;
  });
  if (!is_open) return;
  append(where, end, [name = where.text(), end](std::error_code failure) {
    const auto* const how = end.outcome == model::transaction_outcome::committed ? "commit" : "abort";
    if (failure) {
      base::say_warning("{}: the lost {} marker of producer {} could not be written again: {}", name, how,
                        end.producer.value(), failure.message());
    } else {
      base::say_warning("{}: the {} marker of producer {} had been lost, and was written again", name, how,
                        end.producer.value());
    }
  });
}

steady_ms marker_writer::retry_due(steady_ms now_ms) {
  std::vector<shared::job_ptr> due;
  auto next = no_deadline;
  {
    const std::lock_guard lock(shared_->mutex);
    auto& retries = shared_->retries;
    for (auto& each : retries) {
      if (each.at_ms <= now_ms) {
        due.push_back(std::move(each.of));
      } else {
        next = std::min(next, each.at_ms);
      }
    }
    std::erase_if(retries, [](const auto& each) { return each.of == nullptr; });
  }
  for (auto& each : due) shared_->submit(std::move(each));
  return next;
}

std::size_t marker_writer::waiting() const {
  const std::lock_guard lock(shared_->mutex);
  std::size_t count = 0;
  for (const auto& each : shared_->retries) count += each.of->order.partitions.size();
  return count;
}

void marker_writer::stop() {
  std::unique_lock lock(shared_->mutex);
  shared_->is_stopped = true;
  shared_->retries.clear();
  shared_->all_over.wait(lock, [this] { return shared_->under_way == 0; });
}

}  // namespace tidelog::coordinator
