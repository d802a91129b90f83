#pragma once
// DeleteTopics: removes topics and their records.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// A topic by name, or by id with a null name.
struct delete_topic_state {
  std::optional<std::string> name;
  base::uuid topic_id;

  bool operator==(const delete_topic_state&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::since(6).nullable_since(6));
    visit("topicId", self.topic_id, codec::since(6));
  }
};

/// `topic_names` up to version 5, `topics` from 6 on.
struct delete_topics_request {
  static constexpr api_key key = api_key::delete_topics;
  static constexpr codec::version_range versions{1, 6};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<delete_topic_state> topics;
  std::vector<std::string> topic_names;
  std::int32_t timeout_ms = 0;

  bool operator==(const delete_topics_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::since(6));
    visit("topicNames", self.topic_names, codec::between(0, 5));
    visit("timeoutMs", self.timeout_ms, codec::always);
  }
};

struct deletable_topic_result {
  std::optional<std::string> name;
  base::uuid topic_id;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;

  bool operator==(const deletable_topic_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always.nullable_since(6));
    visit("topicId", self.topic_id, codec::since(6));
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::since(5).nullable_since(5));
  }
};

struct delete_topics_response {
  static constexpr api_key key = api_key::delete_topics;
  static constexpr codec::version_range versions{1, 6};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<deletable_topic_result> responses;

  bool operator==(const delete_topics_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("responses", self.responses, codec::always);
  }
};

}  // namespace tidelog::protocol
