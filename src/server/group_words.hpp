#pragma once
// Groups in the protocol's words.

#include "tidelog/coordinator/group_types.hpp"

#include <string_view>

namespace tidelog::server {

[[nodiscard]] constexpr std::string_view word_of(coordinator::group_state state) {
  using coordinator::group_state;
  switch (state) {
    case group_state::empty:
      return "Empty";
    case group_state::preparing_rebalance:
      return "PreparingRebalance";
    case group_state::completing_rebalance:
      return "CompletingRebalance";
    case group_state::assigning:
      return "Assigning";
    case group_state::reconciling:
      return "Reconciling";
    case group_state::stable:
      return "Stable";
    case group_state::dead:
      break;
  }
  return "Dead";
}

[[nodiscard]] constexpr std::string_view word_of(coordinator::group_type type) {
  return type == coordinator::group_type::classic ? "classic" : "consumer";
}

/// The client of a request as its group remembers it; hosts are written as Kafka writes them.
[[nodiscard]] inline coordinator::client_identity identity_of(std::string_view client_id,
                                                              std::string_view host) {
  return {std::string(client_id), "/" + std::string(host)};
}

}  // namespace tidelog::server
