#pragma once
// What the broker has promised, kept outside of it: every acknowledged record with its place, and every record that a
// consumer has been shown.

#include "tidelog/model/types.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace tidelog::test {

enum class delivery_promise {
  at_most_once,  ///< sent once; unacknowledged records may be there or not
  exactly_once,  ///< idempotent: sent again until acknowledged, under the same sequence
};

/// Every record is different: who sent it, and the how-manieth it was of what that one sent to the partition.
struct record_identity {
  int producer = 0;
  std::int64_t number = 0;
  friend auto operator<=>(const record_identity&, const record_identity&) = default;
};
/// The record's value: its identity and filling that follows from it, from a few bytes to a few KiB.
[[nodiscard]] std::string value_of(const record_identity& of);
/// Throws when `value` is not to the byte what value_of() makes.
[[nodiscard]] record_identity identity_of(std::string_view value);

/// Thread safe.
class ledger {
 public:
  void add_producer(int producer, delivery_promise promise);
  /// `first` and the records after it are stored from `base_offset` on. Throws when something else was promised there.
  void acknowledged(const model::topic_partition& at, model::offset base_offset, const record_identity& first,
                    std::int64_t count);
  void shown_to_a_consumer(const model::topic_partition& at, model::offset offset,
                           const record_identity& record);
  [[nodiscard]] std::uint64_t acknowledgements() const;
  [[nodiscard]] std::size_t promised_records() const;

  /// Holds the promises against what is there: `stored` are the records from offset 0 on, in order. Throws what is
  /// wrong. What was stored without an acknowledgement is taken over as promised: it has been shown now.
  void check(const model::topic_partition& at, const std::vector<record_identity>& stored);

 private:
  void promise(const model::topic_partition& at, model::offset offset, const record_identity& record);

  mutable std::mutex mutex_;
  std::map<int, delivery_promise> producers_;
  std::map<model::topic_partition, std::map<std::int64_t, record_identity>> promised_;
  std::uint64_t acknowledgements_ = 0;
};

/// The same for topics that come and go. Thread safe.
class topic_ledger {
 public:
  void created(const std::string& topic);
  /// From now on the topic may be there or not.
  void deletion_begins(const std::string& topic);
  void deleted(const std::string& topic);
  /// Throws when a topic that was created is not among `present`, or one that was deleted is.
  void check(const std::set<std::string>& present) const;

 private:
  enum class promised_state { present, either, absent };
  mutable std::mutex mutex_;
  std::map<std::string, promised_state> topics_;
};

}  // namespace tidelog::test
