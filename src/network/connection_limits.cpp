#include "connection_limits.hpp"

#include <fmt/core.h>

namespace tidelog::network {

connection_limits::admission connection_limits::admit(const std::string& host, std::string& refusal) {
  const std::lock_guard lock(mutex_);
  if (const auto limit = settings_.max_connections.load(std::memory_order_relaxed); open_ >= limit) {
    refusal = fmt::format("max.connections is {}", limit);
    return {};
  }
  const auto here = per_host_.find(host);
  const auto from_host = here == per_host_.end() ? 0 : here->second;
  const auto own_limit = settings_.max_connections_per_ip_overrides.find(host);
  const auto limit = own_limit.value_or(settings_.max_connections_per_ip.load(std::memory_order_relaxed));
  if (from_host >= limit) {
    refusal = own_limit ? fmt::format("max.connections.per.ip.overrides has {} for it", limit)
                        : fmt::format("max.connections.per.ip is {}", limit);
    return {};
  }
  ++open_;
  ++per_host_[host];
  return {shared_from_this(), host};
}

void connection_limits::leave(const std::string& host) {
  const std::lock_guard lock(mutex_);
  --open_;
  if (const auto found = per_host_.find(host); --found->second == 0) per_host_.erase(found);
}

}  // namespace tidelog::network
