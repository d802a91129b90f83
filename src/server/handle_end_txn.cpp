#include "handlers.hpp"
#include "transaction_words.hpp"

#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/end_txn.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

constexpr std::int16_t fenced_since = 2;
/// From here on the epoch rises with each end. Clients ask so where the cluster has transaction.version 2.
constexpr std::int16_t raises_epoch_since = 5;

}  // namespace

void handle_end_txn(request of, protocol::end_txn_request message) {
  of.release_frame();
  auto& transactions = of.environment().transactions;
  coordinator::end_transaction_request asked;
  asked.transactional_id = std::move(message.transactional_id);
  asked.producer = producer_identity_of(message.producer_id, message.producer_epoch);
  asked.outcome =
      message.committed ? model::transaction_outcome::committed : model::transaction_outcome::aborted;
  asked.version = of.version() >= raises_epoch_since
                      ? coordinator::transaction_version::epoch_per_transaction
                      : std::min(transactions.version(), coordinator::transaction_version::flexible_records);
  transactions.end_transaction(
      std::move(asked), [of = std::move(of)](const coordinator::end_transaction_answer& ended) mutable {
        protocol::end_txn_response response;
        response.error_code = transaction_error_code(ended.error, of.version(), fenced_since);
        if (!ended.error) {
          response.producer_id = ended.producer.id.value();
          response.producer_epoch = ended.producer.epoch.value();
        }
        of.answer(response);
      });
}

}  // namespace tidelog::server
