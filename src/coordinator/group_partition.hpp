#pragma once
// The groups of one partition of __consumer_offsets, in their shell (coordinator_partition).

#include "coordinator_partition.hpp"
#include "group_shard.hpp"
#include "group_surroundings.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

namespace tidelog::coordinator {

struct group_partition_environment {
  std::shared_ptr<const surroundings_board> surroundings;
  coordinator_partition_environment shell;
  /// Told, from under the partition's lock, when its groups have been read and resolve_patterns() is to be called.
  std::function<void()> when_loaded;
};

/// While groups are read, clients are to come again later; a heartbeat is good, since nothing speaks against its member.
template <class Answer>
[[nodiscard]] std::error_code told_while_loading() {
  return std::is_same_v<Answer, heartbeat_answer> ? std::error_code()
                                                  : make_error_code(errc::load_in_progress);
}

/// Made as a shared_ptr. Thread safe.
class group_partition final : public coordinator_partition {
 public:
  group_partition(std::shared_ptr<partition::partition> log, group_partition_environment environment);

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
  [[nodiscard]] group_counts counts() const;
  /// As group_shard::list_progress(); nothing while the partition does not serve.
  void list_progress(std::vector<group_progress>& into, progress_room& room) const;
  /// What has happened here since it was loaded.
  using tally = group_activity;
  [[nodiscard]] tally work_done() const;

 private:
  class live_step;

  [[nodiscard]] std::uint64_t load_buffer_bytes() const override;
  [[nodiscard]] base::status replay(const model::record_batch_view& batch,
                                    const model::record_view& record) override;
  [[nodiscard]] base::status replay_control(const model::record_batch_view& batch) override;
  [[nodiscard]] answer_list finish_loading() override;
  [[nodiscard]] std::size_t kept_count() const override { return shard_.group_count(); }
  [[nodiscard]] steady_ms next_due_ms() const override;
  [[nodiscard]] answer_list end_waiting(std::error_code why) override;

  std::error_code run(const std::function<void(group_step&)>& event);
  [[nodiscard]] std::size_t max_batch_bytes() const;
  [[nodiscard]] std::error_code append(const std::vector<group_record>& records,
                                       const transaction_writer& who, std::int64_t unix_now_ms);
  [[nodiscard]] std::error_code append(const model::transaction_end& end, std::int64_t unix_now_ms);
  [[nodiscard]] std::error_code outcome_for_group(const base::result<storage::appended>& appended);

  const std::shared_ptr<const surroundings_board> surroundings_;
  const std::function<void()> when_loaded_;
  group_shard shard_;
  /// Since it began to load.
  std::vector<group_shard::deleted_topic> topics_to_forget_;
};

}  // namespace tidelog::coordinator
