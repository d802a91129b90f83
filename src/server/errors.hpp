#pragma once
// The one place where the errors of the layers below become the protocol's.

#include "tidelog/base/result.hpp"
#include "tidelog/protocol/error_code.hpp"

namespace tidelog::server {

/// none for an empty code.
[[nodiscard]] protocol::error_code error_code_of(std::error_code code);
[[nodiscard]] inline protocol::error_code error_code_of(const base::error& error) {
  return error_code_of(error.code);
}
[[nodiscard]] inline protocol::error_code error_code_of(const base::status& outcome) {
  return outcome ? protocol::error_code::none : error_code_of(outcome.error());
}

/// For people who know the code already: of a partition that is offline the reason alone.
[[nodiscard]] std::string reason_text(const base::error& error);

}  // namespace tidelog::server
