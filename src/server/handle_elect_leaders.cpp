#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/partition/partition_error.hpp"
#include "tidelog/protocol/elect_leaders.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

namespace tidelog::server {
namespace {

using protocol::election_type;
using protocol::error_code;
using result_row = protocol::elect_leaders_partition_result;

bool is_known(election_type type) {
  return type == election_type::preferred || type == election_type::unclean;
}

void refuse(result_row& row, error_code code, std::string why) {
  row.error_code = code;
  row.error_message = std::move(why);
}

/// One request. There is one broker, which leads every partition whose log is open; electing it means opening the log of a
/// partition that is offline. That may take long, so the client's time limit counts.
class election : public std::enable_shared_from_this<election> {
 public:
  election(request of, protocol::elect_leaders_request message)
      : request_(std::move(of)), message_(std::move(message)) {}

  /// On a worker.
  void begin() {
    if (!is_known(message_.election_type)) answer_.error_code = error_code::invalid_request;
    if (message_.topic_partitions) {
      for (const auto& topic : *message_.topic_partitions) add_named(topic);
    } else {
      add_all();
    }
    missing_ = targets_.size();
    if (targets_.empty()) return request_.answer(answer_);
    std::vector<partition::partition_ptr> offline;
    for (const auto& each : targets_) offline.push_back(each.partition);
    if (auto raised = request_.owner().raise_epochs(offline); !raised) return refuse_targets(raised.error());
    request_.reactor().post([self = shared_from_this()] { self->start_timer(); });
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      request_.environment().partitions.reopen(
          targets_[i].partition,
          [self = shared_from_this(), i](const base::status& outcome) { self->reopened(i, outcome); });
    }
  }

 private:
  /// A partition that is being opened, and where its outcome belongs; twice when it is named twice.
  struct target {
    partition::partition_ptr partition;
    struct place {
      std::size_t topic;
      std::size_t row;
    };
    std::vector<place> places;
  };

  void add_named(const protocol::elect_leaders_topic& asked) {
    auto& rows = answer_.replica_election_results.emplace_back();
    rows.topic = asked.topic;
    const auto hosted = request_.environment().partitions.find(asked.topic);
    for (const auto index : asked.partitions) {
      auto& row = rows.partition_result.emplace_back();
      row.partition_id = index;
      const auto found = hosted ? hosted->find(model::partition_index(index)) : nullptr;
      if (!is_known(message_.election_type)) {
        refuse(row, error_code::invalid_request,
               fmt::format("there is no election type {}", static_cast<int>(message_.election_type)));
      } else if (!hosted) {
        refuse(row, error_code::unknown_topic_or_partition, fmt::format("there is no topic {}", asked.topic));
      } else if (!found) {
        refuse(row, error_code::unknown_topic_or_partition,
               fmt::format("topic {} has no partition {}", asked.topic, index));
      } else {
        look_at(found, row);
      }
    }
  }

  /// Of all partitions only those are told of that have no leader.
  void add_all() {
    if (!is_known(message_.election_type)) return;
    auto topics = request_.environment().partitions.topics();
    std::sort(topics.begin(), topics.end(),
              [](const auto& left, const auto& right) { return left->state->name < right->state->name; });
    for (const auto& topic : topics) {
      auto& rows = answer_.replica_election_results.emplace_back();
      rows.topic = topic->state->name;
      for (const auto& each : topic->partitions) {
        if (each->check_available()) continue;
        auto& row = rows.partition_result.emplace_back();
        row.partition_id = each->name().partition.value();
        look_at(each, row);
      }
    }
  }

  /// `row` is the last of the answer.
  void look_at(const partition::partition_ptr& found, result_row& row) {
    const auto available = found->check_available();
    if (!available && available.error().code == partition::errc::offline) {
      const auto [known, is_new] = target_of_.try_emplace(found.get(), targets_.size());
      if (is_new) targets_.push_back({found, {}});
      const auto& topics = answer_.replica_election_results;
      targets_[known->second].places.push_back(
          {topics.size() - 1, topics.back().partition_result.size() - 1});
    } else {
      fill(row, available, error_code::election_not_needed);
    }
  }

  void fill(result_row& row, const base::status& outcome, error_code when_available) const {
    if (outcome) {
      row.error_code = when_available;
      if (when_available != error_code::none) row.error_message = protocol::error_message(when_available);
    } else if (outcome.error().code == partition::errc::recovering) {
      refuse(row,
             message_.election_type == election_type::preferred ? error_code::preferred_leader_not_available
                                                                : error_code::eligible_leaders_not_available,
             reason_text(outcome.error()));
    } else {
      refuse(row, error_code_of(outcome), reason_text(outcome.error()));
    }
  }

  void refuse_targets(const base::error& why) {
    for (std::size_t i = 0; i < targets_.size(); ++i) set(i, tl::unexpected(why));
    request_.answer(answer_);
  }

  void set(std::size_t which, const base::status& outcome) {
    for (const auto& at : targets_[which].places) {
      fill(answer_.replica_election_results[at.topic].partition_result[at.row], outcome, error_code::none);
    }
    targets_[which].places.clear();
  }

  /// On the reactor.
  void start_timer() {
    const std::lock_guard lock(mutex_);
    if (is_answered_) return;
    timer_ = request_.reactor().start_timer(std::chrono::milliseconds(std::max(message_.timeout_ms, 0)),
                                            [self = shared_from_this()] { self->timed_out(); });
  }

  void reopened(std::size_t which, const base::status& outcome) {
    const std::lock_guard lock(mutex_);
    if (is_answered_) return;
    set(which, outcome);
    if (--missing_ == 0) answer();
  }

  void timed_out() {
    const std::lock_guard lock(mutex_);
    timer_.reset();
    if (is_answered_) return;
    for (const auto& each : targets_) {
      for (const auto& at : each.places) {
        refuse(answer_.replica_election_results[at.topic].partition_result[at.row],
               error_code::request_timed_out, "the partition is still being recovered");
      }
    }
    answer();
  }

  void answer() {
    is_answered_ = true;
    request_.reactor().post([self = shared_from_this()] {
      const std::lock_guard lock(self->mutex_);
      if (self->timer_) self->request_.reactor().cancel_timer(*self->timer_);
    });
    // Last: who has its answer may take away what the request came by.
    request_.answer(answer_);
  }

  request request_;
  const protocol::elect_leaders_request message_;
  std::map<const partition::partition*, std::size_t> target_of_;

  /// From when logs are being opened on, guards what follows.
  std::mutex mutex_;
  protocol::elect_leaders_response answer_;
  std::vector<target> targets_;
  std::size_t missing_ = 0;
  bool is_answered_ = false;
  std::optional<protocol::reactor::timer_id> timer_;
};

void elect_leaders(request of, protocol::elect_leaders_request message) {
  std::make_shared<election>(std::move(of), std::move(message))->begin();
}

}  // namespace

void handle_elect_leaders(request of, protocol::elect_leaders_request message) {
  on_worker(std::move(of), std::move(message), elect_leaders);
}

}  // namespace tidelog::server
