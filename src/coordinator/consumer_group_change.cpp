#include "consumer_group_change.hpp"

#include <iterator>
#include <utility>

namespace tidelog::coordinator {

void group_change::put(group_record record) {
  inverses_.push_back(state_.inverse_of(record));
  state_.replay(record);
  records_.push_back(std::move(record));
}

std::error_code group_change::write(group_step& step, std::vector<group_record>& first) {
  if (records_.empty()) return {};
  auto all = first;
  all.insert(all.end(), std::make_move_iterator(records_.begin()), std::make_move_iterator(records_.end()));
  if (const auto failure = step.write(all)) {
    take_back();
    return failure;
  }
  first.clear();
  records_.clear();
  inverses_.clear();
  return {};
}

void group_change::take_back() {
  for (auto at = inverses_.rbegin(); at != inverses_.rend(); ++at) state_.replay(*at);
  inverses_.clear();
  records_.clear();
}

}  // namespace tidelog::coordinator
