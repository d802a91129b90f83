#pragma once
// AddOffsetsToTxn: a transaction is going to commit offsets of a group.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>

namespace tidelog::protocol {

struct add_offsets_to_txn_request {
  static constexpr api_key key = api_key::add_offsets_to_txn;
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string transactional_id;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  std::string group_id;

  bool operator==(const add_offsets_to_txn_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::always);
    visit("producerId", self.producer_id, codec::always);
    visit("producerEpoch", self.producer_epoch, codec::always);
    visit("groupId", self.group_id, codec::always);
  }
};

struct add_offsets_to_txn_response {
  static constexpr api_key key = api_key::add_offsets_to_txn;
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const add_offsets_to_txn_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::always);
  }
};

}  // namespace tidelog::protocol
