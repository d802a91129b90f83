#pragma once
// ListTransactions: the transactional ids that the coordinator knows.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// Empty filters let all pass. `duration_filter`: only those open for longer, in milliseconds; -1 for all.
/// `transactional_id_pattern` is a regular expression that the whole id must match.
struct list_transactions_request {
  static constexpr api_key key = api_key::list_transactions;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<std::string> state_filters;
  std::vector<std::int64_t> producer_id_filters;
  std::int64_t duration_filter = -1;
  std::optional<std::string> transactional_id_pattern;

  bool operator==(const list_transactions_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("stateFilters", self.state_filters, codec::always);
    visit("producerIdFilters", self.producer_id_filters, codec::always);
    visit("durationFilter", self.duration_filter, codec::since(1));
    visit("transactionalIdPattern", self.transactional_id_pattern, codec::since(2).nullable_since(2));
  }
};

struct list_transactions_response_transaction {
  std::string transactional_id;
  std::int64_t producer_id = 0;
  std::string transaction_state;

  bool operator==(const list_transactions_response_transaction&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::always);
    visit("producerId", self.producer_id, codec::always);
    visit("transactionState", self.transaction_state, codec::always);
  }
};

/// `unknown_state_filters` are no states.
struct list_transactions_response {
  static constexpr api_key key = api_key::list_transactions;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::vector<std::string> unknown_state_filters;
  std::vector<list_transactions_response_transaction> transaction_states;

  bool operator==(const list_transactions_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("unknownStateFilters", self.unknown_state_filters, codec::always);
    visit("transactionStates", self.transaction_states, codec::always);
  }
};

}  // namespace tidelog::protocol
