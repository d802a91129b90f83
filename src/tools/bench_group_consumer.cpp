#include "bench_group.hpp"

#include "tidelog/base/uuid.hpp"
#include "tidelog/client/group_admin.hpp"

#include <algorithm>
#include <poll.h>

namespace tidelog::tools {
namespace {

constexpr std::int32_t rebalance_timeout_ms = 60'000;
constexpr std::int32_t leave_epoch = -1;
/// How long a member that has nothing to say keeps silent. Much less than clients do, so that it is the broker that is
/// measured and not their waiting.
constexpr std::chrono::milliseconds pace{20};
constexpr std::chrono::seconds longest{60};

}  // namespace

consumer_bench_group::consumer_bench_group(std::string id, const group_field& field,
                                           std::vector<client::connection*> connections)
    : id_(std::move(id)), field_(&field) {
  for (auto* const via : connections) {
    auto& made = members_.emplace_back();
    made.via = via;
    made.id = base::random_uuid().text();
  }
}

base::status consumer_bench_group::send(member& from) const {
  protocol::consumer_group_heartbeat_request request;
  request.group_id = id_;
  request.member_id = from.id;
  request.member_epoch = from.epoch;
  if (from.epoch == 0) {
    request.rebalance_timeout_ms = rebalance_timeout_ms;
    request.subscribed_topic_names = {field_->topic()};
  }
  if (!from.told) {
    request.topic_partitions.emplace();
    if (!from.owned.empty()) request.topic_partitions->push_back({field_->topic_id(), from.owned});
  }
  from.told = true;
  from.waits = true;
  TIDELOG_TRY(const auto version,
              from.via->version_of(request.key, protocol::consumer_group_heartbeat_request::versions));
  return from.via->send(request, version);
}

base::status consumer_bench_group::receive(member& at) const {
  TIDELOG_TRY(const auto got, at.via->receive<protocol::consumer_group_heartbeat_request>());
  at.waits = false;
  const auto now = std::chrono::steady_clock::now();
  at.next = now + pace;
  if (client::is_about_coordinator(got->error_code)) {
    at.told = false;
    return {};
  }
  TIDELOG_DO(client::check_answer(got->error_code, id_, got->error_message.value_or("")));
  at.epoch = got->member_epoch;
  at.settled = !got->assignment;
  if (at.settled) return {};
  std::vector<std::int32_t> owned;
  for (const auto& topic : got->assignment->topic_partitions)
    owned.insert(owned.end(), topic.partitions.begin(), topic.partitions.end());
  std::sort(owned.begin(), owned.end());
  at.owned = std::move(owned);
  at.told = false;
  at.next = now;
  return {};
}

bool consumer_bench_group::is_stable() const {
  std::size_t owned = 0;
  for (const auto& at : members_) {
    if (!at.settled || at.epoch <= 0 || at.epoch != members_.front().epoch) return false;
    owned += at.owned.size();
  }
  return owned == static_cast<std::size_t>(field_->partition_count());
}

base::result<std::chrono::nanoseconds> consumer_bench_group::join() {
  time_point joined;
  for (auto& each : members_) {
    joined = std::chrono::steady_clock::now();
    TIDELOG_DO(send(each));
  }
  const auto until = joined + longest;
  std::vector<pollfd> waiting(members_.size());
  while (!is_stable()) {
    const auto now = std::chrono::steady_clock::now();
    if (now > until) return base::fail(client::client_errc::timed_out, "{}: is not stable yet", id_);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      auto& each = members_[i];
      // A round of members that are all silent may be over in between.
      if (!each.waits && each.next <= now) TIDELOG_DO(send(each));
      waiting[i] = {each.via->descriptor(), POLLIN, 0};
    }
    if (::poll(waiting.data(), static_cast<nfds_t>(waiting.size()), 1) < 0 && errno != EINTR)
      return base::fail_errno(errno, "poll");
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (waiting[i].revents != 0 && members_[i].waits) TIDELOG_DO(receive(members_[i]));
  }
  return std::chrono::steady_clock::now() - joined;
}

base::status consumer_bench_group::leave() {
  for (auto& each : members_) {
    if (each.waits) TIDELOG_DO(receive(each));
    each.epoch = leave_epoch;
    each.told = true;
    TIDELOG_DO(send(each));
  }
  for (auto& each : members_) {
    TIDELOG_TRY(const auto got, each.via->receive<protocol::consumer_group_heartbeat_request>());
    TIDELOG_DO(client::check_answer(got->error_code, id_, got->error_message.value_or("")));
  }
  return {};
}

}  // namespace tidelog::tools
