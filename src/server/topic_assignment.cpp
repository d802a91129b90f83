#include "topic_assignment.hpp"

#include <fmt/core.h>

namespace tidelog::server {

std::optional<std::string> assignment_fault(const std::vector<std::int32_t>& brokers, model::broker_id self) {
  if (brokers.empty()) return "a partition is assigned to no broker";
  for (const auto broker : brokers) {
    if (broker != self.value()) {
      return fmt::format("a partition is assigned to broker {}, but {} is the only one", broker,
                         self.value());
    }
  }
  if (brokers.size() > 1)
    return fmt::format("a partition is assigned to broker {} more than once", self.value());
  return std::nullopt;
}

}  // namespace tidelog::server
