#pragma once
// Why a part of a request is not done, as its row of the answer says it.

#include "tidelog/protocol/error_code.hpp"

#include <optional>
#include <string>

namespace tidelog::server {

struct refusal {
  protocol::error_code code;
  /// For people.
  std::string why;
};

}  // namespace tidelog::server
