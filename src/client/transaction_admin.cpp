#include "tidelog/client/transaction_admin.hpp"

#include "tidelog/client/coordinators.hpp"
#include "tidelog/protocol/describe_producers.hpp"
#include "tidelog/protocol/describe_transactions.hpp"
#include "tidelog/protocol/list_transactions.hpp"
#include "tidelog/protocol/write_txn_markers.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace tidelog::client {
namespace {

using protocol::error_code;

base::status can_filter(const connection& peer, const transaction_filter& filter) {
  constexpr std::int16_t first_with_durations = 1;
  constexpr std::int16_t first_with_patterns = 2;
  const auto newest = protocol::list_transactions_request::versions.max;
  if (filter.open_for)
    TIDELOG_DO(peer.version_of(protocol::api_key::list_transactions, {first_with_durations, newest}));
  if (filter.id_pattern)
    TIDELOG_DO(peer.version_of(protocol::api_key::list_transactions, {first_with_patterns, newest}));
  return {};
}

base::result<answer<protocol::list_transactions_request>> list_of(
    cluster& in, model::broker_id broker, const transaction_filter& filter,
    const protocol::list_transactions_request& request) {
  TIDELOG_TRY(const auto* const peer, in.to_broker(broker));
  TIDELOG_DO(can_filter(*peer, filter));
  TIDELOG_TRY(auto got, in.ask(broker, request));
  TIDELOG_DO(check_answer(got->error_code, "ListTransactions"));
  if (!got->unknown_state_filters.empty()) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "\"{}\" is no state: Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, "
                      "CompleteAbort, PrepareEpochFence, Dead",
                      got->unknown_state_filters.front());
  }
  return got;
}

using descriptions = std::map<std::string, transaction_description>;

transaction_description from_wire(const protocol::describe_transactions_response_transaction& row,
                                  model::broker_id coordinator) {
  transaction_description made{.id = row.transactional_id,
                               .coordinator = coordinator,
                               .state = row.transaction_state,
                               .producer = model::producer_id(row.producer_id),
                               .epoch = model::producer_epoch(row.producer_epoch),
                               .timeout = std::chrono::milliseconds(row.transaction_timeout_ms),
                               .start = std::nullopt,
                               .partitions = {}};
  if (row.transaction_start_time_ms >= 0) made.start = model::timestamp(row.transaction_start_time_ms);
  for (const auto& topic : row.topics)
    for (const auto index : topic.partitions)
      made.partitions.push_back({topic.topic, model::partition_index(index)});
  std::sort(made.partitions.begin(), made.partitions.end());
  return made;
}

/// Those of `ids` that their coordinators know.
base::result<descriptions> look_up(cluster& in, std::span<const std::string> ids) {
  return in.retrying([&]() -> base::result<descriptions> {
    TIDELOG_TRY(const auto coordinators, find_coordinators(in, ids, protocol::coordinator_type::transaction));
    std::map<model::broker_id, protocol::describe_transactions_request> requests;
    for (const auto& [id, broker] : coordinators) requests[broker].transactional_ids.push_back(id);
    descriptions found;
    for (const auto& [broker, request] : requests) {
      TIDELOG_TRY(const auto got, in.ask(broker, request));
      for (const auto& row : got->transaction_states) {
        if (row.error_code == error_code::transactional_id_not_found) continue;
        TIDELOG_DO(check_answer(row.error_code, row.transactional_id));
        found.insert_or_assign(row.transactional_id, from_wire(row, broker));
      }
    }
    return found;
  });
}

known_producer from_wire(const protocol::describe_producers_producer_state& row) {
  known_producer made{.id = model::producer_id(row.producer_id),
                      .epoch = model::producer_epoch(static_cast<std::int16_t>(row.producer_epoch)),
                      .last_sequence = model::sequence(row.last_sequence),
                      .last_write = model::timestamp(row.last_timestamp),
                      .coordinator_epoch = std::nullopt,
                      .open_from = std::nullopt};
  if (row.coordinator_epoch >= 0) made.coordinator_epoch = row.coordinator_epoch;
  if (row.current_txn_start_offset >= 0) made.open_from = model::offset(row.current_txn_start_offset);
  return made;
}

base::status producers_at(cluster& in, model::broker_id broker,
                          const protocol::describe_producers_request& request,
                          std::map<model::topic_partition, partition_producers>& into) {
  TIDELOG_TRY(const auto got, in.retrying([&] { return in.ask(broker, request); }));
  for (const auto& topic : got->topics) {
    for (const auto& row : topic.partitions) {
      const model::topic_partition at{topic.name, model::partition_index(row.partition_index)};
      auto& known = into[at];
      known.outcome = {at, row.error_code, row.error_message.value_or(std::string{})};
      for (const auto& producer : row.active_producers) known.producers.push_back(from_wire(producer));
      std::sort(known.producers.begin(), known.producers.end(),
                [](const auto& left, const auto& right) { return left.id < right.id; });
    }
  }
  return {};
}

/// Whom to ask about a partition.
std::optional<model::broker_id> holder_of(const partition_metadata& partition) {
  if (partition.leader.value() >= 0) return partition.leader;
  if (partition.replicas.empty()) return std::nullopt;
  return partition.replicas.front();
}

}  // namespace

base::result<std::vector<listed_transaction>> list_transactions(cluster& in,
                                                                const transaction_filter& filter) {
  protocol::list_transactions_request request;
  request.state_filters = filter.states;
  for (const auto id : filter.producers) request.producer_id_filters.push_back(id.value());
  if (filter.open_for) request.duration_filter = filter.open_for->count();
  request.transactional_id_pattern = filter.id_pattern;
  std::vector<listed_transaction> listed;
  for (const auto& broker : in.brokers()) {
    TIDELOG_TRY(auto got, in.retrying([&] { return list_of(in, broker.id, filter, request); }));
    for (auto& row : got->transaction_states) {
      listed.push_back({std::move(row.transactional_id), broker.id, model::producer_id(row.producer_id),
                        std::move(row.transaction_state)});
    }
  }
  std::sort(listed.begin(), listed.end(),
            [](const auto& left, const auto& right) { return left.id < right.id; });
  return listed;
}

base::result<std::vector<transaction_description>> describe_transactions(cluster& in,
                                                                         std::span<const std::string> ids) {
  TIDELOG_TRY(const auto found, look_up(in, ids));
  std::vector<transaction_description> ordered;
  for (const auto& id : ids) {
    const auto place = found.find(id);
    if (place == found.end())
      return base::fail(broker_error(error_code::transactional_id_not_found), "{}", id);
    ordered.push_back(place->second);
  }
  return ordered;
}

base::result<std::vector<partition_producers>> describe_producers(cluster& in,
                                                                  std::span<const topic_metadata> topics) {
  std::map<model::broker_id, protocol::describe_producers_request> requests;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      const auto broker = holder_of(partition);
      if (!broker) continue;
      auto& asked = requests[*broker].topics;
      if (asked.empty() || asked.back().name != topic.name)
        asked.push_back({.name = topic.name, .partition_indexes = {}});
      asked.back().partition_indexes.push_back(partition.index.value());
    }
  }
  std::map<model::topic_partition, partition_producers> answered;
  for (const auto& [broker, request] : requests) TIDELOG_DO(producers_at(in, broker, request, answered));
  std::vector<partition_producers> ordered;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      const model::topic_partition at{topic.name, partition.index};
      if (const auto place = answered.find(at); place != answered.end()) {
        ordered.push_back(std::move(place->second));
      } else {
        ordered.push_back({{at, error_code::leader_not_available, {}}, {}});
      }
    }
  }
  return ordered;
}

base::status abort_transaction(cluster& in, const partition_transaction& target) {
  protocol::write_txn_markers_request request;
  // Of transaction version 0, by which the marker's epoch may be that of the records.
  request.markers.push_back(
      {.producer_id = target.producer.value(),
       .producer_epoch = target.epoch.value(),
       .transaction_result = false,
       .topics = {{.name = target.at.topic, .partition_indexes = {target.at.partition.value()}}},
       .coordinator_epoch = target.coordinator_epoch});
  return in.retrying([&]() -> base::status {
    TIDELOG_TRY(const auto leader, in.leader_of(target.at));
    TIDELOG_TRY(const auto got, in.ask(leader, request));
    if (got->markers.size() != 1 || got->markers[0].topics.size() != 1 ||
        got->markers[0].topics[0].partitions.size() != 1)
      return base::fail(client_errc::malformed_answer, "WriteTxnMarkers leaves out {}", target.at.text());
    auto fine = check_answer(got->markers[0].topics[0].partitions[0].error_code, target.at.text());
    if (!fine) in.forget(target.at.topic);
    return fine;
  });
}

base::result<hanging_search> find_hanging(cluster& in, std::span<const topic_metadata> topics,
                                          model::timestamp quiet_since) {
  hanging_search search;
  transaction_filter of_producers;
  TIDELOG_TRY(auto partitions, describe_producers(in, topics));
  for (auto& [outcome, producers] : partitions) {
    for (const auto& producer : producers) {
      if (!producer.open_from || producer.last_write >= quiet_since) continue;
      search.found.push_back({outcome.at, producer, {}});
      of_producers.producers.push_back(producer.id);
    }
    if (outcome.error != error_code::none) search.unseen.push_back(std::move(outcome));
  }
  if (search.found.empty()) return search;
  TIDELOG_TRY(const auto listed, list_transactions(in, of_producers));
  std::map<model::producer_id, std::string> ids;
  std::vector<std::string> names;
  for (const auto& transaction : listed) {
    ids[transaction.producer] = transaction.id;
    names.push_back(transaction.id);
  }
  TIDELOG_TRY(const auto described, look_up(in, names));
  for (auto& one : search.found)
    if (const auto known = ids.find(one.producer.id); known != ids.end()) one.id = known->second;
  // What the coordinator has in its transaction, it is going to end.
  std::erase_if(search.found, [&described](const auto& one) {
    const auto known = described.find(one.id);
    return known != described.end() &&
           std::binary_search(known->second.partitions.begin(), known->second.partitions.end(), one.at);
  });
  return search;
}

}  // namespace tidelog::client
