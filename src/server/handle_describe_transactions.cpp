#include "errors.hpp"
#include "gathering.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/describe_transactions.hpp"

namespace tidelog::server {

void handle_describe_transactions(request of, protocol::describe_transactions_request message) {
  of.release_frame();
  auto& transactions = of.environment().transactions;
  const gathering<coordinator::transaction_description> answers(
      message.transactional_ids.size(), [of = std::move(of)](auto found) mutable {
        protocol::describe_transactions_response response;
        for (auto& each : found) {
          auto& row = response.transaction_states.emplace_back();
          row.transactional_id = std::move(each.transactional_id);
          row.error_code = error_code_of(each.error);
          if (each.error) continue;
          row.transaction_state = coordinator::name_of(each.status);
          row.transaction_timeout_ms = each.timeout_ms;
          row.transaction_start_time_ms = each.start_unix_ms;
          row.producer_id = each.producer.id.value();
          row.producer_epoch = each.producer.epoch.value();
          for (auto& topic : each.topics)
            row.topics.push_back({std::move(topic.name), std::move(topic.partitions)});
        }
        of.answer(response);
      });
  for (std::size_t i = 0; i < message.transactional_ids.size(); ++i) {
    auto& id = message.transactional_ids[i];
    transactions.describe(id,
                          [id, take = answers.taker(i)](coordinator::transaction_description found) mutable {
                            // A refusal does not say of whom.
                            found.transactional_id = std::move(id);
                            take(std::move(found));
                          });
  }
}

}  // namespace tidelog::server
