#pragma once
// The partitions of a coordinator's topic that are served here: which there are, and what those have done that are gone.

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/coordinator/group_error.hpp"
#include "tidelog/partition/partition_manager.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tidelog::coordinator {

/// `Partition` is a coordinator_partition with work_done(), a `tally` of its own. Thread safe, but changes come one at a
/// time.
template <class Partition>
class partition_table {
 public:
  using list = std::vector<std::shared_ptr<Partition>>;
  using tally = typename Partition::tally;
  using maker = std::function<std::shared_ptr<Partition>(const partition::partition_ptr& of)>;

  explicit partition_table(maker make) : make_(std::move(make)) {}

  /// In the order of their numbers.
  [[nodiscard]] std::shared_ptr<const list> current() const {
    const std::lock_guard lock(mutex_);
    return list_;
  }
  /// Where the group, or the transactional id, lives; nullptr while there is no partition.
  [[nodiscard]] std::shared_ptr<Partition> partition_of(const std::string& id) const {
    const auto all = current();
    if (all->empty()) return nullptr;
    return (*all)[static_cast<std::size_t>(partition_of_group(id, static_cast<std::int32_t>(all->size())))];
  }
  /// Those that are there, and what was done by those that are not any more.
  [[nodiscard]] std::pair<list, tally> all_and_past() const {
    const std::lock_guard lock(mutex_);
    return {*list_, past_};
  }

  /// The topic is `hosted` now, or not there: what is new is loaded, and what is gone given up.
  void follow(const partition::hosted_topic* hosted) {
    const auto before = current();
    list next;
    list made;
    for (std::size_t i = 0; hosted != nullptr && i < hosted->partitions.size(); ++i) {
      const auto& log = hosted->partitions[i];
      if (i < before->size() && (*before)[i]->log() == log) {
        next.push_back((*before)[i]);
        continue;
      }
      next.push_back(make_(log));
      made.push_back(next.back());
    }
    for (const auto& each : made) each->load();
    replace(std::move(next), errc::not_coordinator);
  }
  /// The partition has another log than it had; what has read that one already stays.
  void log_was_opened(const partition::partition_ptr& of) {
    auto next = *current();
    const auto found =
        std::find_if(next.begin(), next.end(), [&](const auto& each) { return each->log() == of; });
    if (found == next.end() || (*found)->openings_at_load() == of->openings()) return;
    const auto before = std::exchange(*found, make_(of));
    const auto made = *found;
    // First, so that nothing comes of it after the next one has read the log.
    before->give_up(errc::load_in_progress);
    made->load();
    replace(std::move(next), errc::load_in_progress);
  }
  void give_up_all(std::error_code why) { replace({}, why); }

 private:
  /// Those that are not among the next are given up, with the error that those who wait are answered with.
  void replace(list next, std::error_code why) {
    const auto published = std::make_shared<const list>(std::move(next));
    const auto before = current();
    tally done;
    for (const auto& each : *before) {
      if (std::find(published->begin(), published->end(), each) != published->end()) continue;
      each->give_up(why);
      done += each->work_done();
    }
    const std::lock_guard lock(mutex_);
    past_ += done;
    list_ = published;
  }

  const maker make_;
  mutable std::mutex mutex_;
  std::shared_ptr<const list> list_ = std::make_shared<list>();
  tally past_;
};

}  // namespace tidelog::coordinator
