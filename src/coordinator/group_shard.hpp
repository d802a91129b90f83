#pragma once
// All groups of one partition of __consumer_offsets: finds the group of an event, makes groups and lets them go, turns
// one kind into the other, and knows whom time will concern next. A state machine itself (see group_step.hpp); its
// shell is group_partition.

#include "classic_group.hpp"
#include "committed_offsets.hpp"
#include "consumer_group.hpp"
#include "deadline_queue.hpp"
#include "group_records.hpp"
#include "group_step.hpp"

#include "tidelog/coordinator/group_types.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidelog::coordinator {

/// For the metrics. A group that is only its offsets counts as an empty classic one.
struct group_counts {
  static constexpr std::size_t states = static_cast<std::size_t>(group_state::dead) + 1;
  std::array<std::uint64_t, states> classic_groups{};
  std::array<std::uint64_t, states> consumer_groups{};
  std::uint64_t classic_members = 0;
  std::uint64_t consumer_members = 0;
  std::uint64_t offsets = 0;
  group_counts& operator+=(const group_counts& more);
};

/// What has happened since the partition was loaded.
struct group_activity {
  std::uint64_t rebalances = 0;
  std::uint64_t commits = 0;
  group_activity& operator+=(const group_activity& more);
};

/// Not thread safe: events come one at a time, each with a step of its own.
class group_shard {
 public:
  group_shard() = default;
  group_shard(const group_shard&) = delete;
  group_shard& operator=(const group_shard&) = delete;

  // Requests.
  void join(group_step& step, join_request request, reply<join_answer> to);
  void sync(group_step& step, sync_request request, reply<sync_answer> to);
  void heartbeat(group_step& step, heartbeat_request request, reply<heartbeat_answer> to);
  void leave(group_step& step, leave_request request, reply<leave_answer> to);
  void consumer_heartbeat(group_step& step, consumer_heartbeat_request request,
                          reply<consumer_heartbeat_answer> to);
  void commit_offsets(group_step& step, commit_request request, reply<commit_answer> to);
  void commit_offsets_in_transaction(group_step& step, transactional_commit_request request,
                                     reply<commit_answer> to);
  void end_transaction(group_step& step, model::transaction_end end, reply<transaction_end_answer> to);
  void fetch_offsets(group_step& step, fetch_offsets_request request, reply<fetch_offsets_answer> to);
  void delete_offsets(group_step& step, delete_offsets_request request, reply<delete_offsets_answer> to);
  void delete_group(group_step& step, std::string group_id, reply<delete_group_answer> to);
  void describe_classic(group_step& step, std::string group_id, reply<classic_description> to);
  void describe_consumer(group_step& step, std::string group_id, reply<consumer_description> to);
  void list(std::vector<group_listing>& into) const;

  // Time and surroundings.
  /// Does what is due by the step's time.
  void advance(group_step& step);
  [[nodiscard]] std::optional<steady_ms> next_deadline_ms() const { return deadlines_.next_ms(); }
  /// Drops offsets that have expired, and with its last offset an empty group.
  void expire_offsets(group_step& step);
  struct deleted_topic {
    std::string name;
    model::topic_id id;
  };
  void forget_topics(group_step& step, const std::vector<deleted_topic>& topics);
  /// Groups with patterns that were not all resolved in the topics of that version.
  struct patterns_of_group {
    std::string group_id;
    std::vector<std::string> patterns;
  };
  [[nodiscard]] std::vector<patterns_of_group> outdated_patterns(std::int64_t topics_version) const;
  /// As consumer_group::patterns_resolved(); a group that is not there any more has nothing to be told.
  [[nodiscard]] std::error_code patterns_resolved(group_step& step, const std::string& group_id,
                                                  const pattern_resolutions& resolved);
  /// Everything that waits is answered with `error`, and nothing is left.
  void give_up(group_step& step, std::error_code error);

  // Loading: every record and every end of a transaction in the order of the log, then loaded().
  /// Offsets that are written in a transaction are pending until its end; other records are never written in one.
  void replay(const group_record& record, model::producer_id in_transaction_of = model::no_producer_id);
  /// Says which groups the transaction may have held offsets of.
  std::set<std::string> replay_end(model::producer_id producer, model::transaction_outcome outcome);
  void loaded(group_step& step);

  // Questions.
  [[nodiscard]] std::size_t group_count() const { return groups_.size(); }
  [[nodiscard]] group_counts counts() const;
  /// Adds how far groups have come, as long as there is room.
  void list_progress(std::vector<group_progress>& into, progress_room& room) const;
  [[nodiscard]] const group_activity& activity() const { return activity_; }

 private:
  /// A group: its offsets, and a state machine of one kind or none.
  struct group {
    explicit group(const std::string& group_id) : offsets(group_id) {}
    committed_offsets offsets;
    std::unique_ptr<classic_group> classic;
    std::unique_ptr<consumer_group> consumer;
    /// What the state machine has told of itself so far.
    std::uint64_t rebalances_counted = 0;
    /// Where the group stands in the queue of deadlines; told by itself, so that heartbeats need not look there.
    steady_ms queued_ms = no_deadline;

    [[nodiscard]] bool has_members() const;
    [[nodiscard]] steady_ms next_deadline_ms() const;
    [[nodiscard]] std::uint64_t rebalances() const;
    [[nodiscard]] group_listing listing(const std::string& group_id) const;
  };
  using group_map = std::unordered_map<std::string, group>;
  using entry = group_map::value_type;

  [[nodiscard]] entry* find(const std::string& group_id);
  [[nodiscard]] entry& find_or_make(const std::string& group_id);
  /// After each event: lets go what is not there any more, and notes when to look again.
  void settle(group_step& step, entry& of);
  void unqueue(entry& of);
  void succeed(group_step& step, entry& of, std::unique_ptr<classic_group> successor);
  void count_rebalances(entry& of);
  void join_consumer_group(group_step& step, entry& of, join_request request, reply<join_answer> to);
  /// The group whose offsets may be committed, which may have been made for that; null when the commit was refused.
  [[nodiscard]] entry* admit_commit(group_step& step, const commit_request& request, commit_kind kind,
                                    reply<commit_answer>& to);
  void adopt(group_step& step, entry& of, std::unique_ptr<consumer_group> next);
  [[nodiscard]] static std::error_code write_tombstones(group_step& step, const group& of);
  [[nodiscard]] static std::optional<offset_expiry> expiry_of(const group& of);
  void expire_offsets_of(group_step& step, entry& of);

  group_map groups_;
  /// By the groups' entries in the map, which stay where they are.
  deadline_queue<entry*> deadlines_;
  /// By producer: the groups of which its open transaction holds offsets, or held some that were deleted since.
  std::unordered_map<model::producer_id, std::set<std::string>> open_transactions_;
  group_activity activity_;
};

}  // namespace tidelog::coordinator
