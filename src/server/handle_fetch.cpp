#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/protocol/fetch.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace tidelog::server {
namespace {

using protocol::error_code;

constexpr std::int16_t first_version_by_id = 13;
/// From here on a client that is behind is told who leads now, without asking for metadata first.
constexpr std::int16_t leader_named_since = 16;
/// A frame's size is an int32; this leaves room for one more batch and everything around it.
constexpr std::int32_t most_answer_bytes = 1 << 30;

/// One fetch from its first look at the partitions to its answer; in between it may wait for data. Works on the
/// reactor only, but for a worker's look for what is not in the page cache; what wakes it comes from anywhere and is
/// posted there.
class fetch_job : public std::enable_shared_from_this<fetch_job> {
 public:
  fetch_job(request of, protocol::fetch_request message)
      : request_(std::move(of)),
        message_(std::move(message)),
        by_id_(request_.version() >= first_version_by_id) {}

  void begin() {
    request_.release_frame();
    const auto naming = by_id_ ? fetch_naming::by_id : fetch_naming::by_name;
    const auto now = request_.environment().clock.steady_now();
    auto context = request_.owner().sessions.open(message_, naming, now);
    if (context.is == fetch_context::kind::refused) {
      protocol::fetch_response refused;
      refused.error_code = context.error;
      request_.answer(refused);
      return;
    }
    kind_ = context.is;
    session_ = std::move(context.session);
    if (!session_) {
      own_ = std::make_unique<fetch_session>(0, naming);
      own_->update(message_);
    }
    deadline_ = now + std::chrono::milliseconds(std::max(message_.max_wait_ms, 0));
    look();
  }

 private:
  struct watched_partition {
    partition::partition_ptr target;
    partition::log_reach seen;
  };
  struct told_partition {
    fetch_session::partition_list::iterator of;
    std::int64_t high_watermark;
    std::int64_t log_start;
    bool is_error;
    bool gave_data;
  };
  /// A read that would wait for the disk.
  struct cold_read {
    partition::partition_ptr target;
    model::offset from;
    storage::read_limit limit;
    storage::read_bound bound;
  };
  struct records_read {
    storage::read_slice slice;
    /// For who reads what is committed: what to leave out of the slice.
    std::vector<storage::aborted_transaction> aborted;
  };
  struct finished_read {
    partition::partition_ptr of;
    base::result<records_read> got;
  };
  struct read_outcome {
    protocol::fetch_response response;
    std::vector<told_partition> told;
    std::vector<watched_partition> watched;
    std::uint64_t bytes = 0;
    /// Something that the client should know without delay.
    bool is_urgent = false;
    /// Nothing has been read before it: everything else waits until a worker has read it.
    std::optional<cold_read> cold;
  };

  /// On the reactor: answers, or waits for more.
  void look() {
    auto outcome = read_all();
    if (outcome.cold) {
      read_on_worker(*std::move(outcome.cold));
    } else if (is_enough(outcome)) {
      outcome.response.session_id = session_ ? session_->id() : 0;
      request_.answer(outcome.response);
    } else {
      wait(outcome);
    }
  }

  void read_on_worker(cold_read what) {
    request_.environment().cold_reads.submit([self = shared_from_this(), what = std::move(what)]() mutable {
      auto got = self->read(*what.target, what.from, what.limit, what.bound, io::patience::waits_for_disk);
      self->request_.reactor().post([self, of = std::move(what.target), got = std::move(got)]() mutable {
        self->at_hand_.push_back({std::move(of), std::move(got)});
        self->look();
      });
    });
  }

  [[nodiscard]] bool is_enough(const read_outcome& outcome) const {
    return outcome.is_urgent || outcome.watched.empty() || outcome.bytes >= wanted_bytes() ||
           request_.owner().is_stopping.load() || request_.environment().clock.steady_now() >= deadline_;
  }

  [[nodiscard]] bool reads_committed() const {
    return message_.isolation_level == protocol::isolation_level::read_committed;
  }
  [[nodiscard]] fetch_session& session() { return session_ ? *session_ : *own_; }
  [[nodiscard]] std::uint64_t wanted_bytes() const {
    return static_cast<std::uint64_t>(std::max(message_.min_bytes, 0));
  }

  read_outcome read_all() {
    read_outcome outcome;
    const std::lock_guard lock(session().mutex());
    auto& partitions = session().partitions();
    const auto limit =
        std::min({message_.max_bytes, request_.owner().config()->fetch_max_bytes, most_answer_bytes});
    std::uint64_t left = static_cast<std::uint64_t>(std::max(limit, 0));
    for (auto each = partitions.begin(); each != partitions.end(); ++each) {
      auto data = read_one(*each, left, outcome);
      if (outcome.cold) return outcome;
      const auto got = data.records.size();
      outcome.bytes += got;
      left -= std::min(left, got);
      if (data.error_code != error_code::none || data.diverging_epoch.epoch >= 0) outcome.is_urgent = true;
      if (!is_news(*each, data)) continue;
      outcome.told.push_back(
          {each, data.high_watermark, data.log_start_offset, data.error_code != error_code::none, got > 0});
      add(outcome.response, *each, std::move(data));
    }
    // Only what is really sent counts as told; a fetch that goes on waiting says nothing yet.
    if (session_ && is_enough(outcome)) remember(outcome.told);
    return outcome;
  }

  /// What the session's next answer can leave out.
  void remember(const std::vector<told_partition>& told) {
    for (const auto& each : told) {
      each.of->told_high_watermark = each.high_watermark;
      each.of->told_log_start = each.log_start;
      each.of->must_be_told = each.is_error;
      if (each.gave_data) session_->move_to_end(each.of);
    }
  }

  /// In a session only what has changed is told.
  [[nodiscard]] bool is_news(const fetched_partition& of, const protocol::fetch_partition_data& data) const {
    return kind_ != fetch_context::kind::incremental || of.must_be_told ||
           data.error_code != error_code::none || data.records.size() > 0 ||
           data.diverging_epoch.epoch >= 0 || data.high_watermark != of.told_high_watermark ||
           data.log_start_offset != of.told_log_start;
  }

  static void add(protocol::fetch_response& response, const fetched_partition& of,
                  protocol::fetch_partition_data data) {
    const bool same_topic = !response.responses.empty() && response.responses.back().topic == of.topic &&
                            response.responses.back().topic_id == of.topic_id;
    if (!same_topic) {
      auto& topic = response.responses.emplace_back();
      topic.topic = of.topic;
      topic.topic_id = of.topic_id;
    }
    response.responses.back().partitions.push_back(std::move(data));
  }

  protocol::fetch_partition_data read_one(const fetched_partition& wanted, std::uint64_t left,
                                          read_outcome& outcome) {
    protocol::fetch_partition_data data;
    data.partition_index = wanted.partition;
    data.high_watermark = -1;
    data.records.present = true;
    if (reads_committed()) data.aborted_transactions.emplace();
    const auto target = find(wanted, data);
    if (!target) return data;
    if (const auto known = target->check_leader_epoch(model::leader_epoch(wanted.current_leader_epoch));
        !known) {
      data.error_code = error_code_of(known);
      if (data.error_code == error_code::fenced_leader_epoch && request_.version() >= leader_named_since) {
        name_leader(*target, data, outcome.response);
      }
      return data;
    }
    // Seen before the read: a fetch that waits must notice whatever is appended after it looked.
    const auto seen = target->reach();
    if (!seen) {
      data.error_code = error_code_of(seen.error());
      return data;
    }
    data.log_start_offset = seen->log_start.value();
    data.last_stable_offset = seen->last_stable.value();
    data.high_watermark = seen->high_watermark.value();
    if (diverges(*target, wanted, data)) return data;
    read_records(target, wanted, left, outcome, data);
    if (data.error_code == error_code::none) outcome.watched.push_back({target, *seen});
    return data;
  }

  /// Some clients believe in a leader only together with its address.
  void name_leader(const partition::partition& target, protocol::fetch_partition_data& data,
                   protocol::fetch_response& response) const {
    const auto& owner = request_.owner();
    const auto node = owner.settings.node_id.value();
    data.current_leader = {node, target.leader_epoch().value()};
    if (!response.node_endpoints.empty()) return;
    const auto address = owner.address_for(request_.connection());
    response.node_endpoints.push_back({node, address.host, address.port, owner.settings.config.rack});
  }

  partition::partition_ptr find(const fetched_partition& wanted, protocol::fetch_partition_data& data) const {
    auto& partitions = request_.environment().partitions;
    const auto hosted = by_id_ ? partitions.find(wanted.topic_id) : partitions.find(wanted.topic);
    auto target = hosted ? hosted->find(model::partition_index(wanted.partition)) : nullptr;
    if (target) return target;
    data.error_code =
        by_id_ && !hosted ? error_code::unknown_topic_id : error_code::unknown_topic_or_partition;
    return nullptr;
  }

  /// The consumer read on from a log that parted from this one: it is told where.
  static bool diverges(partition::partition& target, const fetched_partition& wanted,
                       protocol::fetch_partition_data& data) {
    if (wanted.last_fetched_epoch < 0) return false;
    const auto end = target.end_offset_for(model::leader_epoch(wanted.last_fetched_epoch));
    if (!end) {
      data.error_code = error_code_of(end.error());
      return true;
    }
    const bool parted = end->epoch == model::no_leader_epoch ||
                        end->epoch.value() < wanted.last_fetched_epoch ||
                        end->end_offset.value() < wanted.fetch_offset;
    if (!parted) return false;
    data.diverging_epoch = {end->epoch.value(), end->end_offset.value()};
    return true;
  }

  void read_records(const partition::partition_ptr& target, const fetched_partition& wanted,
                    std::uint64_t left, read_outcome& outcome, protocol::fetch_partition_data& data) {
    storage::read_limit limit;
    limit.max_bytes =
        std::min<std::uint64_t>(left, static_cast<std::uint64_t>(std::max(wanted.max_bytes, 0)));
    // One batch at least leaves with an answer, however large it is, or its reader would be stuck.
    limit.oversized = outcome.bytes == 0 ? storage::read_limit::oversized_first_batch::return_whole
                                         : storage::read_limit::oversized_first_batch::leave_out;
    const auto bound = reads_committed() ? storage::read_bound::before(model::offset(data.last_stable_offset))
                                         : storage::read_bound::high_watermark();
    const model::offset from(wanted.fetch_offset);
    auto got = read_or_take(target, from, limit, bound);
    if (!got && io::would_wait(got.error())) {
      if (outcome.bytes == 0) outcome.cold = cold_read{target, from, limit, bound};
      // With data from others at hand it is left for the next fetch, where those come behind it.
      outcome.is_urgent = true;
      return;
    }
    if (!got) {
      data.error_code = error_code_of(got.error());
      data.high_watermark = data.last_stable_offset = data.log_start_offset = -1;
      return;
    }
    if (got->slice.data.length > 0) data.records.slices.push_back(std::move(got->slice.data));
    for (const auto& each : got->aborted)
      data.aborted_transactions->push_back({each.producer.value(), each.first_offset.value()});
  }

  [[nodiscard]] base::result<records_read> read(partition::partition& target, model::offset from,
                                                const storage::read_limit& limit, storage::read_bound bound,
                                                io::patience reader) const {
    records_read got;
    TIDELOG_TRY(got.slice, target.read(from, limit, bound, reader));
    if (reads_committed() && got.slice.data.length > 0) {
      TIDELOG_TRY(got.aborted, target.aborted_transactions(from, got.slice.next_offset, reader));
    }
    return got;
  }

  [[nodiscard]] base::result<records_read> read_or_take(const partition::partition_ptr& target,
                                                        model::offset from, const storage::read_limit& limit,
                                                        storage::read_bound bound) {
    const auto done = std::ranges::find(at_hand_, target, &finished_read::of);
    if (done == at_hand_.end()) return read(*target, from, limit, bound, io::patience::never_waits);
    const bool has_room = limit.oversized == storage::read_limit::oversized_first_batch::return_whole ||
                          !done->got || done->got->slice.data.length <= limit.max_bytes;
    return has_room ? done->got : records_read{{{}, from}, {}};
  }

  void wait(const read_outcome& so_far) {
    at_hand_.clear();
    auto& reactor = request_.reactor();
    waiter_ = std::make_shared<partition::fetch_waiter>(
        wanted_bytes() - so_far.bytes, [weak = weak_from_this(), &reactor] {
          if (auto self = weak.lock()) reactor.post([self = std::move(self)] { self->woken(); });
        });
    const auto left = deadline_ - request_.environment().clock.steady_now();
    // The timer keeps the waiting fetch alive.
    timer_ =
        reactor.start_timer(std::chrono::ceil<std::chrono::milliseconds>(left), [self = shared_from_this()] {
          self->timer_.reset();
          self->waiter_->fire();
        });
    const auto level =
        reads_committed() ? partition::read_level::committed_only : partition::read_level::everything;
    for (const auto& each : so_far.watched) {
      watched_.push_back(each.target);
      if (!each.target->watch(waiter_, each.seen, level)) {
        waiter_->fire();
        return;
      }
    }
  }

  /// On the reactor, once for each waiter.
  void woken() {
    const auto self = shared_from_this();
    if (timer_) request_.reactor().cancel_timer(*std::exchange(timer_, std::nullopt));
    for (const auto& target : std::exchange(watched_, {})) target->unwatch(waiter_);
    waiter_.reset();
    look();
  }

  request request_;
  protocol::fetch_request message_;
  const bool by_id_;
  fetch_context::kind kind_ = fetch_context::kind::sessionless;
  fetch_session_ptr session_;
  std::unique_ptr<fetch_session> own_;
  /// What workers have read for this fetch.
  std::vector<finished_read> at_hand_;

  std::shared_ptr<partition::fetch_waiter> waiter_;
  std::vector<partition::partition_ptr> watched_;
  std::optional<protocol::reactor::timer_id> timer_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace

void handle_fetch(request of, protocol::fetch_request message) {
  std::make_shared<fetch_job>(std::move(of), std::move(message))->begin();
}

}  // namespace tidelog::server
