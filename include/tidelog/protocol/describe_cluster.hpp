#pragma once
// DescribeCluster: the cluster's id, its controller and its brokers.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct describe_cluster_request {
  static constexpr api_key key = api_key::describe_cluster;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  bool include_cluster_authorized_operations = false;
  protocol::endpoint_type endpoint_type = protocol::endpoint_type::brokers;
  bool include_fenced_brokers = false;

  bool operator==(const describe_cluster_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("includeClusterAuthorizedOperations", self.include_cluster_authorized_operations, codec::always);
    visit("endpointType", self.endpoint_type, codec::since(1));
    visit("includeFencedBrokers", self.include_fenced_brokers, codec::since(2));
  }
};

struct describe_cluster_broker {
  std::int32_t broker_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;
  bool is_fenced = false;

  bool operator==(const describe_cluster_broker&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("brokerId", self.broker_id, codec::always);
    visit("host", self.host, codec::always);
    visit("port", self.port, codec::always);
    visit("rack", self.rack, codec::always.nullable_since(0));
    visit("isFenced", self.is_fenced, codec::since(2));
  }
};

struct describe_cluster_response {
  static constexpr api_key key = api_key::describe_cluster;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  protocol::endpoint_type endpoint_type = protocol::endpoint_type::brokers;
  std::string cluster_id;
  std::int32_t controller_id = -1;
  std::vector<describe_cluster_broker> brokers;
  std::int32_t cluster_authorized_operations = operations_not_asked_for;

  bool operator==(const describe_cluster_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("endpointType", self.endpoint_type, codec::since(1));
    visit("clusterId", self.cluster_id, codec::always);
    visit("controllerId", self.controller_id, codec::always);
    visit("brokers", self.brokers, codec::always);
    visit("clusterAuthorizedOperations", self.cluster_authorized_operations, codec::always);
  }
};

}  // namespace tidelog::protocol
