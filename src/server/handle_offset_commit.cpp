#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/offset_commit.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

/// From here on topics are named by id.
constexpr std::int16_t topic_ids_since = 10;
/// From here on clients know the errors of the new group protocol.
constexpr std::int16_t new_group_errors_since = 9;

error_code code_for(std::error_code error, std::int16_t version) {
  if (version < new_group_errors_since) {
    if (error == coordinator::errc::group_not_found) return error_code::illegal_generation;
    if (error == coordinator::errc::stale_member_epoch) return error_code::unsupported_version;
  }
  return error_code_of(error);
}

/// A commit under way: the answer, all of whose rows are there, and which of them the coordinator is asked about.
struct pending_commit {
  protocol::offset_commit_response response;
  std::vector<std::size_t> asked;
};

void finish(request of, pending_commit pending, const coordinator::commit_answer& outcome) {
  for (std::size_t i = 0; i < pending.asked.size(); ++i) {
    auto& rows = pending.response.topics[pending.asked[i]].partitions;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto error = outcome.error ? outcome.error : outcome.topics[i].partitions[row].error;
      rows[row].error_code = code_for(error, of.version());
    }
  }
  of.answer(pending.response);
}

coordinator::commit_request::topic in_own_terms(
    const metadata::topic_state& topic, std::vector<protocol::offset_commit_request_partition>&& rows) {
  coordinator::commit_request::topic wanted;
  wanted.name = topic.name;
  wanted.topic_id = topic.id;
  for (auto& row : rows) {
    wanted.partitions.push_back(
        {row.partition_index,
         {model::offset(row.committed_offset), model::leader_epoch(row.committed_leader_epoch),
          std::move(row.committed_metadata).value_or("")}});
  }
  return wanted;
}

}  // namespace

void handle_offset_commit(request of, protocol::offset_commit_request message) {
  of.release_frame();
  coordinator::commit_request commit;
  commit.group_id = std::move(message.group_id);
  commit.generation_or_epoch = message.generation_id_or_member_epoch;
  commit.member_id = std::move(message.member_id);
  commit.instance_id = std::move(message.group_instance_id);
  commit.retention_ms = message.retention_time_ms;
  pending_commit pending;
  const auto image = of.image();
  const bool by_id = of.version() >= topic_ids_since;
  for (auto& topic : message.topics) {
    const auto known = by_id ? image->topic(topic.topic_id) : image->topic(topic.name);
    auto& rows = pending.response.topics.emplace_back();
    rows.name = topic.name;
    rows.topic_id = topic.topic_id;
    const auto code = known   ? error_code::none
                      : by_id ? error_code::unknown_topic_id
                              : error_code::unknown_topic_or_partition;
    for (const auto& row : topic.partitions) rows.partitions.push_back({row.partition_index, code});
    if (!known) continue;
    pending.asked.push_back(pending.response.topics.size() - 1);
    commit.topics.push_back(in_own_terms(*known, std::move(topic.partitions)));
  }
  if (commit.topics.empty()) {
    of.answer(pending.response);
    return;
  }
  auto& groups = of.environment().groups;
  groups.commit_offsets(std::move(commit), [of = std::move(of), pending = std::move(pending)](
                                               const coordinator::commit_answer& outcome) mutable {
    finish(std::move(of), std::move(pending), outcome);
  });
}

}  // namespace tidelog::server
