#pragma once
// How far one group has come: the offsets that it committed, when they expire, and those that open transactions hold.
// Who may commit, fetch or delete is the caller's question. Written to the log before they are in memory, as everything of
// a group.

#include "group_progress.hpp"
#include "group_records.hpp"
#include "group_step.hpp"
#include "pending_offsets.hpp"

#include "tidelog/coordinator/group_types.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace tidelog::coordinator {

/// From when on the retention of a group's offsets counts. As it is by default: from each commit, as for groups without
/// members that were never more than their offsets.
struct offset_expiry {
  /// From here instead of from the commit: since when the group is empty. Unix time.
  std::optional<std::int64_t> since_unix_ms;
  /// What is still read does not expire; absent: nothing is read.
  std::function<bool(const std::string& topic)> is_subscribed;
};

enum class commit_kind { plain, transactional };
/// Whether the commit claims to come from a member.
[[nodiscard]] bool names_member(const commit_request& request);

/// About 32 bytes an offset and 150 a topic, beside the topic's name and the metadata of commits. Not thread safe.
class committed_offsets {
 public:
  /// Removals of more offsets than this are written in several batches.
  static constexpr std::size_t records_per_removal = 1'000;

  explicit committed_offsets(std::string group_id);

  /// Nothing is committed or held by a transaction.
  [[nodiscard]] bool empty() const { return count_ == 0 && !pending_; }
  /// Partitions with an offset that is committed.
  [[nodiscard]] std::size_t size() const { return count_; }
  /// Whether the producer's open transaction holds an offset.
  [[nodiscard]] bool is_held_by(model::producer_id producer) const {
    return pending_ && pending_->is_held_by(producer);
  }

  /// One write for all partitions whose metadata is not too large.
  void commit(group_step& step, const commit_request& request, reply<commit_answer> to);
  /// The same, but it counts only when the transaction is committed.
  void commit_in_transaction(group_step& step, const transactional_commit_request& request,
                             reply<commit_answer> to);
  /// In the order of the request; without topics all there are, by name.
  [[nodiscard]] fetch_offsets_answer fetch(const fetch_offsets_request& request) const;

  /// One write for all. What is subscribed is refused with subscribed_to_topic; what has no offset is as good as
  /// deleted. `is_subscribed` may be empty. As with all removals but expiry, what transactions hold goes too.
  void remove(group_step& step, const delete_offsets_request& request,
              const std::function<bool(const std::string& topic)>& is_subscribed,
              reply<delete_offsets_answer> to);

  /// The offsets of a topic that was deleted; those committed to a later topic of the same name stay.
  [[nodiscard]] std::error_code remove_topic(group_step& step, const std::string& topic,
                                             const model::topic_id& id);
  /// Everything, before the group goes. After a failure some offsets may be gone, all of them from the log as well.
  [[nodiscard]] std::error_code remove_all(group_step& step);
  /// Removes what is expired, unless a transaction holds it too, and says how many offsets that was. The other rules are the group's: see offset_expiry.
  /// Fails like group_step::write, and then the rest is left for the next round.
  [[nodiscard]] base::result<std::size_t> expire(group_step& step, const offset_expiry& expiry);

  /// Adds how far the group has come in each topic, by name, if there is room for it.
  void list(std::vector<group_progress>& into, progress_room& room) const;

  /// A record of this group, from the log; what a producer has written in a transaction is held until that ends.
  void replay(const offset_commit_record& record, model::producer_id in_transaction_of);
  void end_transaction(model::producer_id producer, model::transaction_outcome outcome);

 private:
  /// What few commits have.
  struct rare_parts {
    std::string metadata;
    std::int64_t expire_unix_ms = -1;
  };
  struct kept_offset {
    std::int32_t index = 0;
    std::int32_t leader_epoch = -1;
    std::int64_t offset = -1;
    std::int64_t committed_unix_ms = -1;
    std::unique_ptr<rare_parts> rare;
  };
  struct topic_offsets {
    model::topic_id id;
    /// By index.
    std::vector<kept_offset> entries;
  };
  using topic_map = std::map<std::string, topic_offsets, std::less<>>;

  [[nodiscard]] std::vector<group_record> records_of(group_step& step, const commit_request& request,
                                                     commit_answer& answer) const;
  [[nodiscard]] static fetch_offsets_answer::partition answer_of(const kept_offset& from);
  [[nodiscard]] static bool is_expired(const kept_offset& of, const offset_expiry& expiry,
                                       std::int64_t unix_now_ms, std::int64_t retention_ms);
  [[nodiscard]] const kept_offset* find(const std::string& topic, std::int32_t index) const;
  /// How far a removal in several batches came.
  struct removal {
    std::size_t count = 0;
    std::error_code failure;
  };
  [[nodiscard]] removal remove_in_parts(group_step& step, std::vector<offset_place> places);
  [[nodiscard]] std::error_code remove_places(group_step& step, const std::vector<offset_place>& places);
  [[nodiscard]] const pending_offsets& pending() const;
  [[nodiscard]] bool is_pending(const offset_place& place) const;
  void put(const offset_place& place, const offset_commit_value& value);
  /// What is committed, and what is pending.
  void erase(const offset_place& place);

  std::string group_id_;
  topic_map topics_;
  std::size_t count_ = 0;
  /// Only while there are some: few groups have any.
  std::unique_ptr<pending_offsets> pending_;
};

}  // namespace tidelog::coordinator
