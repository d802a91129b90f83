#include "config_resources.hpp"

#include <fmt/core.h>

#include <charconv>

namespace tidelog::server {

std::optional<std::string> broker_name_fault(std::string_view name, model::broker_id self) {
  std::int32_t id = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
  if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) {
    return fmt::format("a broker is named by its id, a whole number, and not '{}'", name);
  }
  if (id == self.value()) return std::nullopt;
  return fmt::format("this is broker {}; there is no broker {}", self.value(), id);
}

std::string unserved_resource(protocol::resource_type type) {
  switch (type) {
    case protocol::resource_type::broker_logger:
      return "this broker has one log level, its config log.level, and no loggers of their own";
    case protocol::resource_type::client_metrics:
      return "this broker does not collect client metrics";
    default:
      return fmt::format("there is no resource type {}", static_cast<int>(type));
  }
}

}  // namespace tidelog::server
