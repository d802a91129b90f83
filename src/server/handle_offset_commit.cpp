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
  struct asked_topic {
    std::size_t place;
    std::vector<std::size_t> rows;
  };
  protocol::offset_commit_response response;
  std::vector<asked_topic> asked;
};

void finish(request of, pending_commit pending, const coordinator::commit_answer& outcome) {
  for (std::size_t i = 0; i < pending.asked.size(); ++i) {
    const auto& [place, rows] = pending.asked[i];
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto error = outcome.error ? outcome.error : outcome.topics[i].partitions[row].error;
      pending.response.topics[place].partitions[rows[row]].error_code = code_for(error, of.version());
    }
  }
  of.answer(pending.response);
}

/// Makes the rows of a topic's answer, and hands those partitions that exist on to the coordinator's request.
void take_topic(const metadata::topic_ptr& known, protocol::offset_commit_request_topic&& topic,
                error_code when_unknown, pending_commit& pending, coordinator::commit_request& commit) {
  auto& answer = pending.response.topics.emplace_back();
  answer.name = std::move(topic.name);
  answer.topic_id = topic.topic_id;
  coordinator::commit_request::topic wanted;
  pending_commit::asked_topic asked{pending.response.topics.size() - 1, {}};
  for (auto& row : topic.partitions) {
    const bool exists = known && row.partition_index >= 0 &&
                        static_cast<std::size_t>(row.partition_index) < known->partitions.size();
    const auto refused = known ? error_code::unknown_topic_or_partition : when_unknown;
    answer.partitions.push_back({row.partition_index, exists ? error_code::none : refused});
    if (!exists) continue;
    asked.rows.push_back(answer.partitions.size() - 1);
    wanted.partitions.push_back(
        {row.partition_index,
         {model::offset(row.committed_offset), model::leader_epoch(row.committed_leader_epoch),
          std::move(row.committed_metadata).value_or("")}});
  }
  if (asked.rows.empty()) return;
  wanted.name = known->name;
  wanted.topic_id = known->id;
  commit.topics.push_back(std::move(wanted));
  pending.asked.push_back(std::move(asked));
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
  const auto when_unknown = by_id ? error_code::unknown_topic_id : error_code::unknown_topic_or_partition;
  for (auto& topic : message.topics) {
    const auto known = by_id ? image->topic(topic.topic_id) : image->topic(topic.name);
    take_topic(known, std::move(topic), when_unknown, pending, commit);
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
