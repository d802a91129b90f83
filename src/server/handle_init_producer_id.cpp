#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/protocol/init_producer_id.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

/// Without a transactional id there is nothing by which to know a producer again: whatever id it had, it gets a new one.
void init_producer_id(request of, protocol::init_producer_id_request message) {
  protocol::init_producer_id_response answer;
  answer.producer_epoch = -1;
  const bool has_id = message.producer_id != model::no_producer_id.value();
  const bool has_epoch = message.producer_epoch != model::no_producer_epoch.value();
  if (has_id != has_epoch || (message.transactional_id && message.transactional_id->empty())) {
    answer.error_code = error_code::invalid_request;
  } else if (message.transactional_id) {
    // There is no transaction coordinator here; an error that clients take for final makes them say so at once.
    answer.error_code = error_code::unsupported_version;
  } else if (auto id = of.owner().next_producer_id(); !id) {
    base::say_error("allocating producer ids: {}", id.error().describe());
    answer.error_code = error_code_of(id.error());
  } else {
    answer.producer_id = id->value();
    answer.producer_epoch = 0;
  }
  of.answer(answer);
}

}  // namespace

void handle_init_producer_id(request of, protocol::init_producer_id_request message) {
  on_worker(std::move(of), std::move(message), init_producer_id);
}

}  // namespace tidelog::server
