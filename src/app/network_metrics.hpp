#pragma once
// What a scraper is told about the network.

#include "tidelog/metrics/registry.hpp"
#include "tidelog/network/socket_server.hpp"

#include <vector>

namespace tidelog::app {

/// Registered as long as it lives; both references outlive it.
class network_metrics {
 public:
  network_metrics(metrics::registry& registry, const network::socket_server& sockets);

 private:
  std::vector<metrics::callback_registration> series_;
};

}  // namespace tidelog::app
