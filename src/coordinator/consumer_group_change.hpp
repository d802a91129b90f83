#pragma once
// What one event does to a group's state: every record is replayed at once, so that what follows sees it, and taken back
// when the event comes to nothing: because it was refused half way, or because it could not be written.

#include "consumer_group_state.hpp"
#include "group_step.hpp"

#include <system_error>
#include <vector>

namespace tidelog::coordinator {

class group_change {
 public:
  explicit group_change(consumer_group_state& state) : state_(state) {}
  group_change(const group_change&) = delete;
  group_change& operator=(const group_change&) = delete;
  /// Takes back what was not written.
  ~group_change() { take_back(); }

  void put(group_record record);
  [[nodiscard]] bool is_empty() const { return records_.empty(); }
  /// Writes `first` (and empties it) and everything that was put, all or none; does nothing when nothing was put.
  [[nodiscard]] std::error_code write(group_step& step, std::vector<group_record>& first);

 private:
  void take_back();

  consumer_group_state& state_;
  std::vector<group_record> records_;
  std::vector<group_record> inverses_;
};

}  // namespace tidelog::coordinator
