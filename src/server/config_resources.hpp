#pragma once
// What the resources of config requests are called.

#include "tidelog/model/types.hpp"
#include "tidelog/protocol/values.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tidelog::server {

/// What is wrong with the name of a broker, which is its id in decimal; nothing when it means this one.
[[nodiscard]] std::optional<std::string> broker_name_fault(std::string_view name, model::broker_id self);
/// Why there are no configs of such a resource here, for people.
[[nodiscard]] std::string unserved_resource(protocol::resource_type type);

}  // namespace tidelog::server
