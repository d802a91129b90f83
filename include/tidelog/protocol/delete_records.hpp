#pragma once
// DeleteRecords: moves the start of partitions forward.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// Records before `offset` go; -1 stands for the high watermark.
struct delete_records_partition {
  std::int32_t partition_index = 0;
  std::int64_t offset = 0;

  bool operator==(const delete_records_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("offset", self.offset, codec::always);
  }
};

struct delete_records_topic {
  std::string name;
  std::vector<delete_records_partition> partitions;

  bool operator==(const delete_records_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct delete_records_request {
  static constexpr api_key key = api_key::delete_records;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<delete_records_topic> topics;
  std::int32_t timeout_ms = 0;

  bool operator==(const delete_records_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
    visit("timeoutMs", self.timeout_ms, codec::always);
  }
};

/// `low_watermark` is the first offset that is left, -1 after an error.
struct delete_records_partition_result {
  std::int32_t partition_index = 0;
  std::int64_t low_watermark = 0;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const delete_records_partition_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("lowWatermark", self.low_watermark, codec::always);
    visit("errorCode", self.error_code, codec::always);
  }
};

struct delete_records_topic_result {
  std::string name;
  std::vector<delete_records_partition_result> partitions;

  bool operator==(const delete_records_topic_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct delete_records_response {
  static constexpr api_key key = api_key::delete_records;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<delete_records_topic_result> topics;

  bool operator==(const delete_records_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
