#pragma once
// InitProducerId: hands out a producer's identity.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace tidelog::protocol {

/// A null `transactional_id` asks for plain idempotence. Id and epoch are given by a producer that wants a
/// new epoch.
struct init_producer_id_request {
  static constexpr api_key key = api_key::init_producer_id;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::optional<std::string> transactional_id;
  std::int32_t transaction_timeout_ms = 0;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;

  bool operator==(const init_producer_id_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::always.nullable_since(0));
    visit("transactionTimeoutMs", self.transaction_timeout_ms, codec::always);
    visit("producerId", self.producer_id, codec::since(3));
    visit("producerEpoch", self.producer_epoch, codec::since(3));
  }
};

struct init_producer_id_response {
  static constexpr api_key key = api_key::init_producer_id;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = 0;

  bool operator==(const init_producer_id_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("producerId", self.producer_id, codec::always);
    visit("producerEpoch", self.producer_epoch, codec::always);
  }
};

}  // namespace tidelog::protocol
