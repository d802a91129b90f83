#include "errors.hpp"
#include "handlers.hpp"
#include "topic_creation.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/find_coordinator.hpp"

namespace tidelog::server {
namespace {

using protocol::coordinator_type;
using protocol::error_code;

/// From here on a request asks for any number of keys.
constexpr std::int16_t many_keys_since = 4;

protocol::found_coordinator refused(const std::string& key, error_code code, std::string why) {
  return {key, -1, "", -1, code, std::move(why)};
}

/// This broker coordinates every group and transaction. What it does not coordinate is refused by an error that clients take for final.
protocol::found_coordinator coordinator_of(const std::string& key, coordinator_type type, std::int32_t node,
                                           const broker::address& address) {
  switch (type) {
    case coordinator_type::group:
    case coordinator_type::transaction:
      return {key, node, address.host, address.port, error_code::none, std::nullopt};
    case coordinator_type::share:
      return refused(key, error_code::unsupported_version, "Share groups are not part of this version.");
  }
  return refused(key, error_code::invalid_request, "There is no such type of coordinator.");
}

/// The topic that its kind is kept in; nothing for those that are not served.
std::optional<std::string> topic_of(coordinator_type type) {
  if (type == coordinator_type::group) return coordinator::offsets_topic;
  if (type == coordinator_type::transaction) return coordinator::transactions_topic;
  return std::nullopt;
}

void answer(request of, const protocol::find_coordinator_request& message, const broker::address& address) {
  protocol::find_coordinator_response response;
  const auto node = of.owner().settings.node_id.value();
  const auto find = [&](const std::string& key) {
    return coordinator_of(key, message.key_type, node, address);
  };
  if (of.version() >= many_keys_since) {
    for (const auto& key : message.coordinator_keys) response.coordinators.push_back(find(key));
  } else {
    auto found = find(message.coordinator_key);
    response.error_code = found.error_code;
    response.error_message = std::move(found.error_message);
    response.node_id = found.node_id;
    response.host = std::move(found.host);
    response.port = found.port;
  }
  of.answer(response);
}

void refuse_all(request of, const protocol::find_coordinator_request& message, error_code code) {
  protocol::find_coordinator_response response;
  const std::string why(protocol::error_message(code));
  if (of.version() >= many_keys_since) {
    for (const auto& key : message.coordinator_keys) response.coordinators.push_back(refused(key, code, why));
  } else {
    response.error_code = code;
    response.error_message = why;
    response.node_id = -1;
    response.port = -1;
  }
  of.answer(response);
}

}  // namespace

void handle_find_coordinator(request of, protocol::find_coordinator_request message) {
  const auto address = of.owner().address_for(of.connection());
  of.release_frame();
  const auto topic = topic_of(message.key_type);
  if (!topic || of.image()->topic(*topic)) {
    answer(std::move(of), message, address);
    return;
  }
  // The first of all: the topic that they are kept in is made before anybody is sent here.
  auto& workers = of.environment().workers;
  workers.submit([of = std::move(of), message = std::move(message), address, topic = *topic]() mutable {
    if (auto made = create_internal_topic(of.owner(), topic); !made) {
      base::say_error("creating {}: {}", topic, made.error().describe());
      refuse_all(std::move(of), message, error_code::coordinator_not_available);
    } else {
      answer(std::move(of), message, address);
    }
  });
}

}  // namespace tidelog::server
