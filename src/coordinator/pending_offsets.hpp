#pragma once
// The offsets of one group that open transactions have committed. They count once their transaction is committed.

#include "group_records.hpp"

#include "tidelog/model/transaction_end.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidelog::coordinator {

/// Where a group has an offset.
struct offset_place {
  std::string topic;
  std::int32_t index = 0;
  friend auto operator<=>(const offset_place&, const offset_place&) = default;
};

/// Several transactions may hold one place. Of all that is committed there the latest in the log counts, in whatever
/// order the transactions end: an end changes nothing where something later than its own record was committed
/// meanwhile. Some 300 bytes an offset. Not thread safe.
class pending_offsets {
 public:
  struct held_offset {
    model::producer_id producer;
    offset_commit_value value;
    /// Something later was committed at the place.
    bool is_outdated = false;
  };
  /// Each place has at least one, in the order of the log.
  using place_map = std::map<offset_place, std::vector<held_offset>>;

  [[nodiscard]] bool empty() const { return places_.empty(); }
  [[nodiscard]] bool contains(const offset_place& place) const { return places_.contains(place); }
  [[nodiscard]] bool is_held_by(model::producer_id producer) const { return held_by_.contains(producer); }
  [[nodiscard]] const place_map& places() const { return places_; }

  /// Takes the place of what the same transaction has committed there before.
  void hold(model::producer_id producer, const offset_place& place, const offset_commit_value& value);
  /// Something was committed there outside of all transactions. The place stays held.
  void outdate(const offset_place& place);
  /// Whatever is held there is forgotten.
  void erase(const offset_place& place);
  /// Lets go of everything that the producer's transaction holds; `commit` is told what counts from now on.
  void end(model::producer_id producer, model::transaction_outcome outcome,
           const std::function<void(const offset_place&, const offset_commit_value&)>& commit);

 private:
  place_map places_;
  std::unordered_map<model::producer_id, std::set<offset_place>> held_by_;
};

}  // namespace tidelog::coordinator
