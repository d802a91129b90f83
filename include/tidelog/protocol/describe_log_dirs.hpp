#pragma once
// DescribeLogDirs: the log directories with the partitions in them and their sizes.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct describable_log_dir_topic {
  std::string topic;
  std::vector<std::int32_t> partitions;

  bool operator==(const describable_log_dir_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// `topics` null asks for all.
struct describe_log_dirs_request {
  static constexpr api_key key = api_key::describe_log_dirs;
  static constexpr codec::version_range versions{1, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::optional<std::vector<describable_log_dir_topic>> topics;

  bool operator==(const describe_log_dirs_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always.nullable_since(0));
  }
};

/// Size and lag are in bytes and offsets; a future replica is one on its way to another directory.
struct describe_log_dirs_partition {
  std::int32_t partition_index = 0;
  std::int64_t partition_size = 0;
  std::int64_t offset_lag = 0;
  bool is_future_key = false;

  bool operator==(const describe_log_dirs_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("partitionSize", self.partition_size, codec::always);
    visit("offsetLag", self.offset_lag, codec::always);
    visit("isFutureKey", self.is_future_key, codec::always);
  }
};

struct describe_log_dirs_topic {
  std::string name;
  std::vector<describe_log_dirs_partition> partitions;

  bool operator==(const describe_log_dirs_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct describe_log_dirs_result {
  protocol::error_code error_code = protocol::error_code::none;
  std::string log_dir;
  std::vector<describe_log_dirs_topic> topics;
  std::int64_t total_bytes = -1;
  std::int64_t usable_bytes = -1;
  bool is_cordoned = false;

  bool operator==(const describe_log_dirs_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("logDir", self.log_dir, codec::always);
    visit("topics", self.topics, codec::always);
    visit("totalBytes", self.total_bytes, codec::since(4));
    visit("usableBytes", self.usable_bytes, codec::since(4));
    visit("isCordoned", self.is_cordoned, codec::since(5));
  }
};

struct describe_log_dirs_response {
  static constexpr api_key key = api_key::describe_log_dirs;
  static constexpr codec::version_range versions{1, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::vector<describe_log_dirs_result> results;

  bool operator==(const describe_log_dirs_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::since(3));
    visit("results", self.results, codec::always);
  }
};

}  // namespace tidelog::protocol
