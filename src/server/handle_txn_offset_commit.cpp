#include "handlers.hpp"
#include "transaction_words.hpp"

#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/txn_offset_commit.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

using protocol::error_code;

/// From here on the commit itself takes the group's partition into the transaction.
constexpr std::int16_t adds_partition_since = 5;
constexpr std::int16_t abortable_since = 4;
/// Before, clients could not live with a coordinator that loads.
constexpr std::int16_t loading_known_since = 2;
/// The log knows an older epoch of a producer by one code only, so this API never had the other.
constexpr std::int16_t never_fenced = std::numeric_limits<std::int16_t>::max();

error_code code_for(std::error_code error, std::int16_t version) {
  if (error == coordinator::errc::group_not_found || error == coordinator::errc::stale_member_epoch)
    return error_code::illegal_generation;
  auto code = transaction_error_code(error, version, never_fenced);
  // What passes with the end of a transaction is said in a code that older producers try again at.
  const bool passes = error == coordinator::errc::concurrent_transactions ||
                      error == storage::errc::transaction_may_have_ended;
  if (passes && version < adds_partition_since) code = error_code::coordinator_load_in_progress;
  return code == error_code::coordinator_load_in_progress && version < loading_known_since
             ? error_code::coordinator_not_available
             : code;
}

/// One commit under way: the answer, whose rows are all there, and which of them the coordinator is asked about.
struct pending_commit {
  request of;
  protocol::txn_offset_commit_response response;
  coordinator::transactional_commit_request commit;
  /// Of each topic of the commit: its place in the answer and its rows there.
  struct asked_topic {
    std::size_t place;
    std::vector<std::size_t> rows;
  };
  std::vector<asked_topic> asked;

  void refuse_all(error_code why) {
    for (const auto& [place, rows] : asked) {
      for (const auto row : rows) response.topics[place].partitions[row].error_code = why;
    }
    of.answer(response);
  }
};

void take_topic(const metadata::image& image, protocol::txn_offset_commit_request_topic&& topic,
                pending_commit& pending) {
  auto& answer = pending.response.topics.emplace_back();
  answer.name = topic.name;
  coordinator::commit_request::topic wanted;
  pending_commit::asked_topic asked{pending.response.topics.size() - 1, {}};
  for (auto& row : topic.partitions) {
    const bool exists = has_partition(image, topic.name, row.partition_index);
    answer.partitions.push_back(
        {row.partition_index, exists ? error_code::none : error_code::unknown_topic_or_partition});
    if (!exists) continue;
    asked.rows.push_back(answer.partitions.size() - 1);
    wanted.partitions.push_back(
        {row.partition_index,
         {model::offset(row.committed_offset), model::leader_epoch(row.committed_leader_epoch),
          std::move(row.committed_metadata).value_or("")}});
  }
  if (asked.rows.empty()) return;
  wanted.topic_id = image.topic(topic.name)->id;
  wanted.name = std::move(topic.name);
  pending.commit.topics.push_back(std::move(wanted));
  pending.asked.push_back(std::move(asked));
}

void commit(std::shared_ptr<pending_commit> pending) {
  auto& groups = pending->of.environment().groups;
  auto request = std::move(pending->commit);
  groups.commit_offsets_in_transaction(
      std::move(request), [pending = std::move(pending)](const coordinator::commit_answer& outcome) {
        const auto version = pending->of.version();
        for (std::size_t i = 0; i < pending->asked.size(); ++i) {
          const auto& [place, rows] = pending->asked[i];
          for (std::size_t row = 0; row < rows.size(); ++row) {
            const auto error = outcome.error ? outcome.error : outcome.topics[i].partitions[row].error;
            pending->response.topics[place].partitions[rows[row]].error_code = code_for(error, version);
          }
        }
        pending->of.answer(pending->response);
      });
}

std::optional<std::uint64_t> markers_taken(const server_environment& environment,
                                           const coordinator::transaction_topic& of) {
  const auto hosted = environment.partitions.find(of.name);
  const auto target = hosted ? hosted->find(model::partition_index(of.partitions.front())) : nullptr;
  return target ? std::optional(target->markers_taken()) : std::nullopt;
}

/// The group's partition must be in the transaction, or nobody would tell the group how that ended.
void verify_and_commit(std::shared_ptr<pending_commit> pending, std::string transactional_id) {
  using missing = coordinator::add_partitions_request::missing;
  const auto& environment = pending->of.environment();
  const bool adds = pending->of.version() >= adds_partition_since;
  coordinator::add_partitions_request asked;
  asked.transactional_id = std::move(transactional_id);
  asked.producer = {pending->commit.producer_id, pending->commit.producer_epoch};
  asked.topics.push_back(coordinator::offsets_partition_of(pending->commit.group_id, *pending->of.image()));
  // Where the epoch rises with each end, what comes too late is refused for its epoch.
  if (!adds) pending->commit.verified_at_marker = markers_taken(environment, asked.topics.front());
  asked.when_missing = adds ? missing::added : missing::refused;
  asked.version =
      adds ? environment.transactions.version()
           : std::min(environment.transactions.version(), coordinator::transaction_version::flexible_records);
  environment.transactions.add_partitions(
      std::move(asked), [pending = std::move(pending)](const coordinator::add_partitions_answer& answer) {
        const auto version = pending->of.version();
        if (answer.error) return pending->refuse_all(code_for(answer.error, version));
        if (!answer.missing.empty()) return pending->refuse_all(not_in_transaction(version, abortable_since));
        commit(pending);
      });
}

}  // namespace

void handle_txn_offset_commit(request of, protocol::txn_offset_commit_request message) {
  of.release_frame();
  const auto image = of.image();
  auto pending = std::make_shared<pending_commit>(pending_commit{std::move(of), {}, {}, {}});
  auto& wanted = pending->commit;
  wanted.group_id = std::move(message.group_id);
  wanted.generation_or_epoch = message.generation_id;
  wanted.member_id = std::move(message.member_id);
  wanted.instance_id = std::move(message.group_instance_id);
  wanted.producer_id = model::producer_id(message.producer_id);
  wanted.producer_epoch = model::producer_epoch(message.producer_epoch);
  for (auto& topic : message.topics) take_topic(*image, std::move(topic), *pending);
  if (pending->asked.empty()) return pending->of.answer(pending->response);
  if (!image->topic(coordinator::offsets_topic))
    return pending->refuse_all(error_code::coordinator_not_available);
  const bool verifies = pending->of.version() >= adds_partition_since ||
                        pending->of.owner().config()->transactions.partition_verification_enable;
  if (!verifies) return commit(std::move(pending));
  verify_and_commit(std::move(pending), std::move(message.transactional_id));
}

}  // namespace tidelog::server
