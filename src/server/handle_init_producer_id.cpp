#include "handlers.hpp"
#include "transaction_words.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/init_producer_id.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

constexpr std::int16_t fenced_since = 4;

protocol::init_producer_id_response refused(error_code why) {
  protocol::init_producer_id_response answer;
  answer.error_code = why;
  answer.producer_epoch = -1;
  return answer;
}

/// Without a transactional id there is nothing by which to know a producer again: whatever id it had, it gets a new one.
void init_idempotent_producer(request of, protocol::init_producer_id_request /*message*/) {
  auto id = of.owner().next_producer_id();
  if (!id) {
    base::say_error("allocating producer ids: {}", id.error().describe());
    return of.answer(refused(error_code_of(id.error())));
  }
  protocol::init_producer_id_response answer;
  answer.producer_id = id->value();
  of.answer(answer);
}

}  // namespace

void handle_init_producer_id(request of, protocol::init_producer_id_request message) {
  const bool has_id = message.producer_id != model::no_producer_id.value();
  const bool has_epoch = message.producer_epoch != model::no_producer_epoch.value();
  if (has_id != has_epoch) return of.answer(refused(error_code::invalid_request));
  if (!message.transactional_id)
    return on_worker(std::move(of), std::move(message), init_idempotent_producer);
  auto& transactions = of.environment().transactions;
  coordinator::init_producer_request asked;
  asked.transactional_id = std::move(*message.transactional_id);
  asked.timeout_ms = message.transaction_timeout_ms;
  asked.before = producer_identity_of(message.producer_id, message.producer_epoch);
  asked.version = transactions.version();
  of.release_frame();
  transactions.init_producer(
      std::move(asked), [of = std::move(of)](const coordinator::init_producer_answer& made) mutable {
        if (made.error)
          return of.answer(refused(transaction_error_code(made.error, of.version(), fenced_since)));
        protocol::init_producer_id_response answer;
        answer.producer_id = made.producer.id.value();
        answer.producer_epoch = made.producer.epoch.value();
        of.answer(answer);
      });
}

}  // namespace tidelog::server
