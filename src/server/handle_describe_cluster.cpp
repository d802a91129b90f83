#include "authorized_operations.hpp"
#include "handlers.hpp"

#include "tidelog/protocol/describe_cluster.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

/// Fences are about brokers that are gone; the only one that there is answers this very request.
void describe(const request& of, protocol::describe_cluster_response& answer) {
  const auto& settings = of.owner().settings;
  const auto address = of.owner().address_for(of.connection());
  answer.cluster_id = settings.cluster_id;
  answer.controller_id = settings.node_id.value();
  auto& self = answer.brokers.emplace_back();
  self.broker_id = settings.node_id.value();
  self.host = address.host;
  self.port = address.port;
  self.rack = settings.config.rack;
}

}  // namespace

void handle_describe_cluster(request of, protocol::describe_cluster_request message) {
  protocol::describe_cluster_response answer;
  switch (message.endpoint_type) {
    case protocol::endpoint_type::brokers:
      describe(of, answer);
      if (message.include_cluster_authorized_operations) {
        answer.cluster_authorized_operations = all_cluster_operations;
      }
      break;
    case protocol::endpoint_type::controllers:
      answer.error_code = error_code::mismatched_endpoint_type;
      answer.error_message = "this endpoint is a broker's; controllers are not reached here";
      break;
    default:
      answer.error_code = error_code::unsupported_endpoint_type;
      answer.error_message =
          fmt::format("there is no endpoint type {}", static_cast<int>(message.endpoint_type));
  }
  of.answer(answer);
}

}  // namespace tidelog::server
