#include "handlers.hpp"
#include "topic_creation.hpp"
#include "transaction_words.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/add_offsets_to_txn.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

using protocol::error_code;

constexpr std::int16_t fenced_since = 2;

void answer(request of, error_code code) {
  protocol::add_offsets_to_txn_response response;
  response.error_code = code;
  of.answer(response);
}

/// On a worker, where the topic may have to be made first.
void add_offsets(request of, protocol::add_offsets_to_txn_request message) {
  const auto image = create_internal_topic(of.owner(), coordinator::offsets_topic);
  if (!image) {
    base::say_error("creating {}: {}", coordinator::offsets_topic, image.error().describe());
    return answer(std::move(of), error_code::coordinator_not_available);
  }
  auto& transactions = of.environment().transactions;
  coordinator::add_partitions_request asked;
  asked.transactional_id = std::move(message.transactional_id);
  asked.producer = producer_identity_of(message.producer_id, message.producer_epoch);
  asked.topics.push_back(coordinator::offsets_partition_of(message.group_id, **image));
  asked.version = std::min(transactions.version(), coordinator::transaction_version::flexible_records);
  transactions.add_partitions(
      std::move(asked), [of = std::move(of)](const coordinator::add_partitions_answer& made) mutable {
        const auto version = of.version();
        answer(std::move(of), transaction_error_code(made.error, version, fenced_since));
      });
}

}  // namespace

void handle_add_offsets_to_txn(request of, protocol::add_offsets_to_txn_request message) {
  on_worker(std::move(of), std::move(message), add_offsets);
}

}  // namespace tidelog::server
