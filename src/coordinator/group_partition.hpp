#pragma once
// The shell around the groups of one partition of __consumer_offsets: one event at a time, records into the partition's
// log, answers when they are durable, and at the beginning the reading of what is there.

#include "group_shard.hpp"
#include "group_surroundings.hpp"
#include "log_record_reader.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/coordinator/group_error.hpp"
#include "tidelog/partition/partition.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

namespace tidelog::coordinator {

/// References outlive the partition, or are not used any more once it is given up.
struct group_partition_environment {
  std::shared_ptr<const surroundings_board> surroundings;
  base::worker_pool& workers;
  const base::clock& clock;
  /// Told, from under the partition's lock, when something may be due at that time.
  std::function<void(steady_ms)> wake_at;
  /// Told, from under the partition's lock, when its groups have been read and resolve_patterns() is to be called.
  std::function<void()> has_loaded;
};

/// While groups are read, clients are to come again later; a heartbeat is good, since nothing speaks against its member.
template <class Answer>
[[nodiscard]] std::error_code told_while_loading() {
  return std::is_same_v<Answer, heartbeat_answer> ? std::error_code()
                                                  : make_error_code(errc::load_in_progress);
}

/// Made as a shared_ptr. Thread safe.
class group_partition : public std::enable_shared_from_this<group_partition> {
 public:
  group_partition(std::shared_ptr<partition::partition> log, group_partition_environment environment);

  /// Reads the log, on workers, and then serves. What is empty serves when this returns. While the log is not open yet
  /// there is nothing to read: it stays loading, for another to take its place.
  void load();
  /// Which of its partition's logs it has read.
  [[nodiscard]] std::uint64_t openings_at_load() const { return openings_at_load_.load(); }
  [[nodiscard]] const std::shared_ptr<partition::partition>& log() const { return log_; }

  /// Gives the request to the shard, or refuses it: told_while_loading(), or why the partition was given up. Answers
  /// that wait come on any thread.
  template <class Request, class Answer>
  void handle(void (group_shard::*event)(group_step&, Request, reply<Answer>), Request request,
              reply<Answer> to) {
    auto give_to_shard = [&](group_step& step) { (shard_.*event)(step, std::move(request), std::move(to)); };
    const auto refusal = run(std::ref(give_to_shard));
    if (!refusal) return;
    Answer answer;
    answer.error = refusal == errc::load_in_progress ? told_while_loading<Answer>() : refusal;
    to(std::move(answer));
  }
  /// Fails as handle() refuses.
  [[nodiscard]] std::error_code list(std::vector<group_listing>& into) const;

  /// Does what is due.
  void advance();
  void expire_offsets();
  /// Also while it is loading: done afterwards.
  void forget_topics(const std::vector<group_shard::deleted_topic>& topics);
  /// Resolves the patterns of its groups in the topics as they are now, where that was not done yet; may take long, but
  /// without the lock. False when some could not be written.
  [[nodiscard]] bool resolve_patterns();
  /// Every request that waits, and every later one, is answered with `error`. The first error stays.
  void give_up(std::error_code error);

  /// When advance() may have something to do; no_deadline when never.
  [[nodiscard]] steady_ms next_deadline_ms() const { return next_deadline_.load(); }
  [[nodiscard]] bool is_loading() const { return stage_.load() == stage::loading; }
  /// How long loading took; 0 before it is done.
  [[nodiscard]] std::int64_t load_time_ms() const { return load_time_ms_.load(); }
  [[nodiscard]] group_counts counts() const;
  /// As group_shard::list_progress(); nothing while the partition does not serve.
  void list_progress(std::vector<group_progress>& into, progress_room& room) const;
  [[nodiscard]] group_activity activity() const;

 private:
  class live_step;
  enum class stage { loading, serving, given_up };
  /// What is to be said after an event, outside the lock; one of the two.
  struct told {
    base::unique_function<void(std::error_code)> when_durable;
    base::task at_once;
  };

  /// Runs the event, unless the partition is not serving: then it tells why.
  std::error_code run(const std::function<void(group_step&)>& event);
  [[nodiscard]] std::error_code refusal() const;
  /// After an event, under the lock.
  void note_deadline();
  void send(std::vector<told> answers, model::offset end);
  void durability_failed(const base::error& why);
  [[nodiscard]] std::size_t max_batch_bytes() const;
  [[nodiscard]] std::error_code append(const std::vector<group_record>& records,
                                       const transaction_writer& who, std::int64_t unix_now_ms);
  [[nodiscard]] std::error_code append(const model::transaction_end& end, std::int64_t unix_now_ms);
  [[nodiscard]] std::error_code outcome_of(const base::result<storage::appended>& appended);
  [[nodiscard]] base::status replay(const model::record_batch_view& batch, const model::record_view& record);
  [[nodiscard]] base::status replay_control(const model::record_batch_view& batch);
  void load_some();
  void serve();

  const std::shared_ptr<partition::partition> log_;
  const group_partition_environment environment_;

  mutable std::mutex mutex_;
  std::atomic<stage> stage_{stage::loading};
  std::error_code why_given_up_;
  /// On its way to being given up.
  std::atomic<bool> is_failing_{false};
  /// The operator was told that nothing can be written, and nothing could be since.
  bool writes_fail_ = false;
  /// While loading it belongs to the one task that loads, without the lock; afterwards to who holds the lock.
  group_shard shard_;
  /// The log's end as this shard knows it: what its answers wait for.
  model::offset end_{0};
  std::vector<group_shard::deleted_topic> topics_to_forget_;
  std::atomic<steady_ms> next_deadline_{no_deadline};

  std::atomic<std::uint64_t> openings_at_load_{0};
  std::unique_ptr<log_record_reader> reader_;
  steady_ms load_started_ms_ = 0;
  std::atomic<std::int64_t> load_time_ms_{0};
};

}  // namespace tidelog::coordinator
