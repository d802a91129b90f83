#include "transaction_state.hpp"

#include <algorithm>
#include <array>

namespace tidelog::coordinator {
namespace {

struct named_status {
  transaction_status status;
  std::string_view name;
};
constexpr std::array<named_status, 8> named_statuses{{
    {transaction_status::empty, "Empty"},
    {transaction_status::ongoing, "Ongoing"},
    {transaction_status::prepare_commit, "PrepareCommit"},
    {transaction_status::prepare_abort, "PrepareAbort"},
    {transaction_status::complete_commit, "CompleteCommit"},
    {transaction_status::complete_abort, "CompleteAbort"},
    {transaction_status::dead, "Dead"},
    {transaction_status::prepare_epoch_fence, "PrepareEpochFence"},
}};

}  // namespace

std::string_view name_of(transaction_status status) {
  const auto found = std::ranges::find(named_statuses, status, &named_status::status);
  return found == named_statuses.end() ? "Unknown" : found->name;
}

std::optional<transaction_status> transaction_status_of(std::string_view name) {
  const auto found = std::ranges::find(named_statuses, name, &named_status::name);
  if (found == named_statuses.end()) return std::nullopt;
  return found->status;
}

std::vector<transaction_topic> transaction_state::topics() const {
  std::vector<transaction_topic> all;
  for (const auto& [name, indexes] : partitions)
    all.push_back({name, std::vector<std::int32_t>(indexes.begin(), indexes.end())});
  return all;
}

transaction_log_value value_of(const transaction_state& state) {
  transaction_log_value value;
  value.producer_id = state.producer.id.value();
  value.previous_producer_id = state.previous_id.value();
  value.next_producer_id = state.next_id.value();
  value.producer_epoch = state.producer.epoch.value();
  value.transaction_timeout_ms = state.timeout_ms;
  value.transaction_status = static_cast<std::int8_t>(state.status);
  if (state.status != transaction_status::empty) {
    auto& partitions = value.transaction_partitions.emplace();
    for (auto& topic : state.topics())
      partitions.push_back({std::move(topic.name), std::move(topic.partitions)});
  }
  value.last_update_timestamp_ms = state.last_update_unix_ms;
  value.start_timestamp_ms = state.start_unix_ms;
  value.client_transaction_version = static_cast<std::int16_t>(state.version);
  return value;
}

std::optional<transaction_state> state_of(const transaction_log_value& value) {
  const auto status = static_cast<transaction_status>(value.transaction_status);
  const bool is_written =
      value.transaction_status >= static_cast<std::int8_t>(transaction_status::empty) &&
      value.transaction_status <= static_cast<std::int8_t>(transaction_status::complete_abort);
  const bool has_known_version = value.client_transaction_version >= 0 &&
                                 value.client_transaction_version <=
                                     static_cast<std::int16_t>(transaction_version::epoch_per_transaction);
  if (!is_written || !has_known_version) return std::nullopt;
  transaction_state state;
  state.producer = {model::producer_id(value.producer_id), model::producer_epoch(value.producer_epoch)};
  state.previous_id = model::producer_id(value.previous_producer_id);
  state.next_id = model::producer_id(value.next_producer_id);
  state.timeout_ms = value.transaction_timeout_ms;
  state.status = status;
  if (value.transaction_partitions) {
    for (const auto& topic : *value.transaction_partitions)
      state.partitions[topic.topic].insert(topic.partition_ids.begin(), topic.partition_ids.end());
  }
  state.start_unix_ms = value.start_timestamp_ms;
  state.last_update_unix_ms = value.last_update_timestamp_ms;
  state.version = static_cast<transaction_version>(value.client_transaction_version);
  // What raised the epoch was the producer's own end, as far as one can tell: it may ask whether that has arrived.
  const bool has_ended = state.status != transaction_status::empty && !state.is_open();
  if (has_ended && state.version == transaction_version::epoch_per_transaction && value.producer_epoch > 0)
    state.last_epoch = model::producer_epoch(static_cast<std::int16_t>(value.producer_epoch - 1));
  return state;
}

}  // namespace tidelog::coordinator
