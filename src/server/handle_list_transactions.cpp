#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/list_transactions.hpp"

namespace tidelog::server {
namespace {

/// On a worker, since patterns may be costly.
void list_transactions(request of, protocol::list_transactions_request message) {
  protocol::list_transactions_response response;
  coordinator::list_transactions_request asked;
  for (auto& name : message.state_filters) {
    if (const auto status = coordinator::transaction_status_of(name)) {
      asked.statuses.push_back(*status);
    } else {
      response.unknown_state_filters.push_back(std::move(name));
    }
  }
  // Of states that nothing can be in there is nothing to list.
  if (asked.statuses.empty() && !response.unknown_state_filters.empty()) return of.answer(response);
  for (const auto id : message.producer_id_filters) asked.producers.emplace_back(id);
  asked.older_than_ms = message.duration_filter;
  asked.pattern = std::move(message.transactional_id_pattern).value_or("");
  auto& transactions = of.environment().transactions;
  transactions.list(asked, [&](coordinator::list_transactions_answer found) {
    response.error_code = error_code_of(found.error);
    for (auto& each : found.transactions) {
      response.transaction_states.push_back({std::move(each.transactional_id), each.producer.value(),
                                             std::string(coordinator::name_of(each.status))});
    }
    of.answer(response);
  });
}

}  // namespace

void handle_list_transactions(request of, protocol::list_transactions_request message) {
  on_worker(std::move(of), std::move(message), list_transactions);
}

}  // namespace tidelog::server
