#pragma once
// EndTxn: commits or aborts the open transaction of a transactional id.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>

namespace tidelog::protocol {

/// Aborts unless `committed`.
struct end_txn_request {
  static constexpr api_key key = api_key::end_txn;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string transactional_id;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  bool committed = false;

  bool operator==(const end_txn_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::always);
    visit("producerId", self.producer_id, codec::always);
    visit("producerEpoch", self.producer_epoch, codec::always);
    visit("committed", self.committed, codec::always);
  }
};

/// From version 5 on the producer goes on with the id and epoch given here.
struct end_txn_response {
  static constexpr api_key key = api_key::end_txn;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;

  bool operator==(const end_txn_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("producerId", self.producer_id, codec::since(5));
    visit("producerEpoch", self.producer_epoch, codec::since(5));
  }
};

}  // namespace tidelog::protocol
