#include "tidelog/client/coordinators.hpp"

#include "tidelog/protocol/find_coordinator.hpp"

#include <algorithm>

namespace tidelog::client {
namespace {

/// Looks some of `keys` up (all of them where the broker can) and takes them out of the list.
base::status look_up(cluster& in, protocol::coordinator_type type, std::vector<std::string>& keys,
                     std::map<std::string, model::broker_id>& into) {
  protocol::find_coordinator_request request;
  request.key_type = type;
  // Which of the two travels depends on the version.
  request.coordinator_key = keys.back();
  request.coordinator_keys = keys;
  TIDELOG_TRY(const auto got, in.ask_any(request));
  constexpr std::int16_t first_batched_version = 4;
  if (got.version < first_batched_version) {
    TIDELOG_DO(check_answer(got->error_code, keys.back(), got->error_message.value_or(std::string{})));
    into[keys.back()] = model::broker_id(got->node_id);
    keys.pop_back();
    return {};
  }
  for (const auto& found : got->coordinators) {
    TIDELOG_DO(check_answer(found.error_code, found.key, found.error_message.value_or(std::string{})));
    into[found.key] = model::broker_id(found.node_id);
  }
  for (const auto& key : keys) {
    if (!into.contains(key))
      return base::fail(client_errc::malformed_answer, "FindCoordinator leaves out {}", key);
  }
  keys.clear();
  return {};
}

/// A coordinator that the cluster does not know yet is learnt with the brokers.
base::status learn(cluster& in, const std::map<std::string, model::broker_id>& coordinators) {
  const auto known = [&in](model::broker_id id) {
    return std::any_of(in.brokers().begin(), in.brokers().end(),
                       [id](const auto& broker) { return broker.id == id; });
  };
  const bool all_known = std::all_of(coordinators.begin(), coordinators.end(),
                                     [&known](const auto& entry) { return known(entry.second); });
  return all_known ? base::status{} : in.refresh_brokers();
}

}  // namespace

bool is_about_coordinator(protocol::error_code code) noexcept {
  using enum protocol::error_code;
  return code == coordinator_load_in_progress || code == coordinator_not_available || code == not_coordinator;
}

base::result<model::broker_id> find_coordinator(cluster& in, const std::string& key,
                                                protocol::coordinator_type type) {
  std::vector<std::string> keys{key};
  std::map<std::string, model::broker_id> found;
  TIDELOG_DO(look_up(in, type, keys, found));
  TIDELOG_DO(learn(in, found));
  return found.begin()->second;
}

base::result<std::map<std::string, model::broker_id>> find_coordinators(cluster& in,
                                                                        std::span<const std::string> keys,
                                                                        protocol::coordinator_type type) {
  std::vector<std::string> left(keys.begin(), keys.end());
  std::map<std::string, model::broker_id> found;
  while (!left.empty()) TIDELOG_DO(in.retrying([&] { return look_up(in, type, left, found); }));
  TIDELOG_DO(learn(in, found));
  return found;
}

}  // namespace tidelog::client
