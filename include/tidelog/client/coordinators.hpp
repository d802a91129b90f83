#pragma once
// Who coordinates a group or the transactions of a transactional id.

#include "tidelog/client/cluster.hpp"
#include "tidelog/protocol/values.hpp"

#include <map>
#include <span>
#include <string>

namespace tidelog::client {

/// True of answers by which a coordinator says that it is not ready or not the one.
[[nodiscard]] bool is_about_coordinator(protocol::error_code code) noexcept;

/// The coordinator of each of `keys`. Retries while there is none.
[[nodiscard]] base::result<std::map<std::string, model::broker_id>> find_coordinators(
    cluster& in, std::span<const std::string> keys,
    protocol::coordinator_type type = protocol::coordinator_type::group);
/// Asks once, for use within cluster::retrying().
[[nodiscard]] base::result<model::broker_id> find_coordinator(
    cluster& in, const std::string& key, protocol::coordinator_type type = protocol::coordinator_type::group);

}  // namespace tidelog::client
