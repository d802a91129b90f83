#include "bench_group.hpp"

#include "tidelog/client/assignor.hpp"
#include "tidelog/client/group_admin.hpp"
#include "tidelog/codec/consumer_protocol.hpp"
#include "tidelog/protocol/heartbeat.hpp"
#include "tidelog/protocol/leave_group.hpp"
#include "tidelog/protocol/sync_group.hpp"

#include <algorithm>
#include <poll.h>
#include <thread>

namespace tidelog::tools {
namespace {

using protocol::error_code;

/// Members outlive every run, so that they need no heartbeats but those that are measured.
constexpr std::int32_t session_timeout_ms = 300'000;
constexpr std::int32_t rebalance_timeout_ms = 60'000;
/// From here on a member is told its id before it joins.
constexpr codec::version_range join_versions{4, protocol::join_group_request::versions.max};
constexpr codec::version_range leave_versions{3, protocol::leave_group_request::versions.max};
constexpr std::string_view assignor_name = "range";
constexpr std::chrono::milliseconds retry_pause{1};

template <class Request>
base::status send_to(client::connection& to, const Request& request, codec::version_range versions) {
  TIDELOG_TRY(const auto version, to.version_of(Request::key, versions));
  return to.send(request, version);
}

/// Waits until one of the connections has something to read.
base::status wait_for_any(std::vector<pollfd>& waiting) {
  constexpr int timeout_ms = 60'000;
  const auto ready = ::poll(waiting.data(), static_cast<nfds_t>(waiting.size()), timeout_ms);
  if (ready < 0 && errno != EINTR) return base::fail_errno(errno, "poll");
  if (ready == 0) return base::fail(client::client_errc::timed_out, "a rebalance");
  return {};
}

}  // namespace

classic_bench_group::classic_bench_group(std::string id, const group_field& field,
                                         std::vector<client::connection*> connections)
    : id_(std::move(id)), field_(&field), stages_(connections.size(), stage::idle) {
  codec::consumer_protocol_subscription subscription;
  subscription.topics.push_back(field.topic());
  subscription_ = codec::encode_with_version(subscription);
  members_.reserve(connections.size());
  for (auto* const via : connections) members_.push_back({via, {}, -1});
}

base::status classic_bench_group::send_join(std::size_t index) {
  auto& from = members_[index];
  protocol::join_group_request request;
  request.group_id = id_;
  request.session_timeout_ms = session_timeout_ms;
  request.rebalance_timeout_ms = rebalance_timeout_ms;
  request.member_id = from.member_id;
  request.protocol_type = codec::consumer_protocol_type;
  request.protocols.push_back({std::string(assignor_name), subscription_});
  stages_[index] = stage::joining;
  return send_to(*from.via, request, join_versions);
}

base::status classic_bench_group::take_ids() {
  const auto until = client::after(std::chrono::seconds(60));
  for (std::size_t first = 0; first < members_.size();) {
    for (auto i = first; i < members_.size(); ++i) TIDELOG_DO(send_join(i));
    bool wait = false;
    for (auto i = first; i < members_.size(); ++i) {
      TIDELOG_TRY(const auto got, members_[i].via->receive<protocol::join_group_request>());
      stages_[i] = stage::idle;
      members_[i].member_id = got->member_id;
      if (client::is_about_coordinator(got->error_code) && std::chrono::steady_clock::now() < until) {
        members_[i].member_id.clear();
        wait = true;
      } else if (got->error_code != error_code::member_id_required) {
        TIDELOG_DO(client::check_answer(got->error_code, id_));
      }
    }
    while (first < members_.size() && !members_[first].member_id.empty()) ++first;
    if (wait) std::this_thread::sleep_for(retry_pause);
  }
  return {};
}

base::status classic_bench_group::join() {
  TIDELOG_DO(take_ids());
  for (std::size_t i = 0; i < members_.size(); ++i) TIDELOG_DO(send_join(i));
  return settle();
}

base::status classic_bench_group::settle() {
  std::vector<pollfd> waiting;
  std::vector<std::size_t> places;
  for (;;) {
    waiting.clear();
    places.clear();
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (stages_[i] == stage::idle) continue;
      waiting.push_back({members_[i].via->descriptor(), POLLIN, 0});
      places.push_back(i);
    }
    if (waiting.empty()) return {};
    TIDELOG_DO(wait_for_any(waiting));
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (waiting[i].revents != 0) TIDELOG_DO(receive(places[i]));
  }
}

base::status classic_bench_group::receive(std::size_t index) {
  return stages_[index] == stage::joining ? receive_join(index) : receive_sync(index);
}

base::status classic_bench_group::receive_join(std::size_t index) {
  auto& at = members_[index];
  TIDELOG_TRY(const auto got, at.via->receive<protocol::join_group_request>());
  TIDELOG_DO(client::check_answer(got->error_code, id_));
  at.generation = got->generation_id;
  if (got->leader == at.member_id) {
    leader_ = index;
    if (got->members.size() < members_.size()) {
      // The first generation did not wait for the others; they are on their way.
      std::this_thread::sleep_for(retry_pause);
      return send_join(index);
    }
  }
  return send_sync(index, got.message);
}

base::status classic_bench_group::send_sync(std::size_t index, const protocol::join_group_response& joined) {
  auto& from = members_[index];
  protocol::sync_group_request request;
  request.group_id = id_;
  request.generation_id = joined.generation_id;
  request.member_id = from.member_id;
  request.protocol_type = codec::consumer_protocol_type;
  request.protocol_name = assignor_name;
  if (joined.leader == from.member_id) {
    std::vector<client::subscribed_member> subscribed;
    subscribed.reserve(joined.members.size());
    for (const auto& member : joined.members) subscribed.push_back({member.member_id, {}, {field_->topic()}});
    for (const auto& [member, partitions] :
         client::assign_range(subscribed, {{field_->topic(), field_->partition_count()}})) {
      codec::consumer_protocol_assignment assignment;
      auto& topic = assignment.assigned_partitions.emplace_back();
      topic.topic = field_->topic();
      for (const auto& at : partitions) topic.partitions.push_back(at.partition.value());
      request.assignments.push_back({member, codec::encode_with_version(assignment)});
    }
  }
  stages_[index] = stage::syncing;
  return send_to(*from.via, request, protocol::sync_group_request::versions);
}

base::status classic_bench_group::receive_sync(std::size_t index) {
  TIDELOG_TRY(const auto got, members_[index].via->receive<protocol::sync_group_request>());
  if (got->error_code == error_code::rebalance_in_progress) return send_join(index);
  stages_[index] = stage::idle;
  return client::check_answer(got->error_code, id_);
}

/// The leader's join has been taken when other members hear of it.
base::status classic_bench_group::wait_for_rebalance(std::size_t index) {
  const auto until = client::after(std::chrono::seconds(60));
  const auto& from = members_[index];
  for (;;) {
    protocol::heartbeat_request beat;
    beat.group_id = id_;
    beat.generation_id = from.generation;
    beat.member_id = from.member_id;
    TIDELOG_TRY(const auto got, from.via->call(beat));
    if (got->error_code == error_code::rebalance_in_progress) return {};
    TIDELOG_DO(client::check_answer(got->error_code, id_));
    if (std::chrono::steady_clock::now() > until)
      return base::fail(client::client_errc::timed_out, "{}: no rebalance after its leader joined again",
                        id_);
    std::this_thread::sleep_for(retry_pause);
  }
}

base::result<std::chrono::nanoseconds> classic_bench_group::rebalance() {
  TIDELOG_DO(send_join(leader_));
  const auto leader = leader_;
  const auto last = leader == members_.size() - 1 ? members_.size() - 2 : members_.size() - 1;
  TIDELOG_DO(wait_for_rebalance(last));
  for (std::size_t i = 0; i < members_.size(); ++i)
    if (i != leader && i != last) TIDELOG_DO(send_join(i));
  const auto begun = std::chrono::steady_clock::now();
  TIDELOG_DO(send_join(last));
  TIDELOG_DO(settle());
  return std::chrono::steady_clock::now() - begun;
}

base::status classic_bench_group::leave() {
  protocol::leave_group_request request;
  request.group_id = id_;
  for (const auto& member : members_) request.members.push_back({member.member_id, {}, {}});
  auto* const via = members_.front().via;
  TIDELOG_DO(send_to(*via, request, leave_versions));
  TIDELOG_TRY(const auto got, via->receive<protocol::leave_group_request>());
  return client::check_answer(got->error_code, id_);
}

}  // namespace tidelog::tools
