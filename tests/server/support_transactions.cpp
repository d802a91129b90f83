#include "support_transactions.hpp"

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/protocol/add_offsets_to_txn.hpp"
#include "tidelog/protocol/add_partitions_to_txn.hpp"
#include "tidelog/protocol/find_coordinator.hpp"
#include "tidelog/protocol/list_offsets.hpp"
#include "tidelog/protocol/produce.hpp"

#include <cerrno>
#include <chrono>
#include <thread>

namespace tidelog::test {
namespace {

using namespace std::chrono_literals;
using protocol::error_code;
using protocol::isolation_level;

constexpr auto longest_wait = 20s;
constexpr auto real_step = 1ms;
constexpr auto clock_step = 10ms;

std::vector<std::byte> batch_of(const test_producer& by, std::int32_t sequence, bool is_transactional,
                                base::unix_ms now) {
  model::record_batch_fields fields;
  fields.producer_id = model::producer_id(by.id);
  fields.producer_epoch = model::producer_epoch(by.epoch);
  fields.base_sequence = model::sequence(sequence);
  if (is_transactional) fields.attributes = model::batch_attribute::transactional;
  model::record_batch_builder builder(fields);
  builder.add(model::timestamp(now), {}, base::as_bytes("value"));
  return builder.build();
}

template <class Topics>
void add_codes(const Topics& topics, code_list& to) {
  for (const auto& topic : topics) {
    for (const auto& each : topic.results_by_partition) to.push_back(each.partition_error_code);
  }
}

}  // namespace

test_broker_options for_transactions(metadata::config_map more, fault_file_system* files) {
  more.emplace("group.initial.rebalance.delay.ms", "0");
  more.emplace("offsets.topic.num.partitions", "3");
  more.emplace("transaction.state.log.num.partitions", "3");
  return {.configuration_file = std::move(more), .files = files};
}

void await(const char* what, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + longest_wait;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "never came: " << what;
      return;
    }
    std::this_thread::yield();
  }
}

void await_with_time(test_broker& broker, const char* what, const std::function<bool()>& holds) {
  auto last = std::chrono::steady_clock::now();
  await(what, [&] {
    if (const auto now = std::chrono::steady_clock::now(); now - last >= real_step) {
      broker.clock().advance(clock_step);
      last = now;
    }
    return holds();
  });
}

void transaction_client::find_coordinators() {
  for (const auto type : {protocol::coordinator_type::group, protocol::coordinator_type::transaction}) {
    protocol::find_coordinator_request wanted;
    wanted.key_type = type;
    wanted.coordinator_keys = {"any"};
    const auto found = broker_.ask<protocol::find_coordinator_response>(wanted);
    ASSERT_EQ(found.coordinators.at(0).error_code, error_code::none);
  }
  await("coordinators", [&] {
    return broker_.ask<protocol::list_transactions_response>(protocol::list_transactions_request{})
                   .error_code == error_code::none &&
           committed("g").error_code == error_code::none;
  });
}

protocol::init_producer_id_response transaction_client::init(const std::string& transactional_id,
                                                             const test_producer& before,
                                                             std::int32_t timeout_ms, std::int16_t version) {
  protocol::init_producer_id_request wanted;
  wanted.transactional_id = transactional_id;
  wanted.transaction_timeout_ms = timeout_ms;
  wanted.producer_id = before.id;
  wanted.producer_epoch = before.epoch;
  return broker_.ask<protocol::init_producer_id_response>(wanted, version);
}

test_producer transaction_client::begin(const std::string& transactional_id, std::int32_t timeout_ms) {
  protocol::init_producer_id_response made;
  await("a producer", [&] {
    made = init(transactional_id, {}, timeout_ms);
    return made.error_code == error_code::none;
  });
  return {transactional_id, made.producer_id, made.producer_epoch};
}

code_list transaction_client::add(const test_producer& by, const partition_map& partitions,
                                  std::int16_t version, bool verify_only) {
  std::vector<protocol::add_partitions_to_txn_request_topic> topics;
  for (const auto& [name, indexes] : partitions) topics.push_back({name, indexes});
  protocol::add_partitions_to_txn_request wanted;
  if (version < 4) {
    wanted.v3_and_below_transactional_id = by.transactional_id;
    wanted.v3_and_below_producer_id = by.id;
    wanted.v3_and_below_producer_epoch = by.epoch;
    wanted.v3_and_below_topics = std::move(topics);
  } else {
    wanted.transactions.push_back({by.transactional_id, by.id, by.epoch, verify_only, std::move(topics)});
  }
  const auto answer = broker_.ask<protocol::add_partitions_to_txn_response>(wanted, version);
  code_list codes;
  add_codes(answer.results_by_topic_v3_and_below, codes);
  for (const auto& each : answer.results_by_transaction) {
    EXPECT_EQ(each.transactional_id, by.transactional_id);
    add_codes(each.topic_results, codes);
  }
  return codes;
}

error_code transaction_client::add_offsets(const test_producer& by, const std::string& group,
                                           std::int16_t version) {
  const protocol::add_offsets_to_txn_request wanted{by.transactional_id, by.id, by.epoch, group};
  return broker_.ask<protocol::add_offsets_to_txn_response>(wanted, version).error_code;
}

protocol::end_txn_response transaction_client::end(const test_producer& by, bool commits,
                                                   std::int16_t version) {
  const protocol::end_txn_request wanted{by.transactional_id, by.id, by.epoch, commits};
  return broker_.ask<protocol::end_txn_response>(wanted, version);
}

test_producer transaction_client::end_and_wait(const test_producer& by, bool commits, std::int16_t version) {
  const auto ended = end(by, commits, version);
  EXPECT_EQ(ended.error_code, error_code::none);
  await_state(by.transactional_id, commits ? "CompleteCommit" : "CompleteAbort");
  if (version < first_raising_end) return by;
  return {by.transactional_id, ended.producer_id, ended.producer_epoch};
}

std::future<reply> transaction_client::start_produce(const test_producer& by,
                                                     const std::vector<sent_batch>& batches,
                                                     std::int16_t version) {
  std::vector<std::vector<std::byte>> bytes;
  bytes.reserve(batches.size());
  protocol::produce_request wanted;
  if (!by.transactional_id.empty()) wanted.transactional_id = by.transactional_id;
  wanted.acks = -1;
  for (const auto& each : batches) {
    const bool is_plain = each.by && each.by->transactional_id.empty();
    bytes.push_back(batch_of(each.by.value_or(by), each.sequence, !is_plain, broker_.clock().now_ms()));
    auto& topic = wanted.topic_data.emplace_back();
    topic.name = each.topic;
    topic.topic_id = broker_.cluster().current()->topic(each.topic)->id;
    auto& partition = topic.partition_data.emplace_back();
    partition.index = each.partition;
    partition.records = {base::byte_span(bytes.back()), {}, true};
  }
  return broker_.start_frame(test_broker::frame_of(wanted, version));
}

code_list transaction_client::codes_of(std::future<reply> produced, std::int16_t version) {
  if (produced.wait_for(longest_wait) != std::future_status::ready) {
    ADD_FAILURE() << "a produce request is not answered";
    return {};
  }
  auto got = produced.get();
  EXPECT_EQ(got.what, reply::kind::answered) << got.reason;
  code_list codes;
  for (const auto& topic : test_broker::decode<protocol::produce_response>(got, version).responses) {
    for (const auto& each : topic.partition_responses) codes.push_back(each.error_code);
  }
  return codes;
}

code_list transaction_client::produce(const test_producer& by, const std::vector<sent_batch>& batches,
                                      std::int16_t version) {
  return codes_of(start_produce(by, batches, version), version);
}

protocol::txn_offset_commit_request transaction_client::offset_commit(const test_producer& by,
                                                                      const std::string& group,
                                                                      std::int64_t offset) {
  protocol::txn_offset_commit_request wanted;
  wanted.transactional_id = by.transactional_id;
  wanted.producer_id = by.id;
  wanted.producer_epoch = by.epoch;
  wanted.group_id = group;
  wanted.topics.push_back({"t", {{0, offset, 5, "note"}}});
  return wanted;
}

code_list transaction_client::commit(const protocol::txn_offset_commit_request& wanted,
                                     std::int16_t version) {
  code_list codes;
  for (const auto& topic : broker_.ask<protocol::txn_offset_commit_response>(wanted, version).topics) {
    for (const auto& each : topic.partitions) codes.push_back(each.error_code);
  }
  return codes;
}

protocol::offset_fetch_response_partition transaction_client::committed(const std::string& group,
                                                                        bool require_stable,
                                                                        std::int16_t version) {
  protocol::offset_fetch_request wanted;
  std::vector<protocol::offset_fetch_request_topic> topics{{"t", {}, {0}}};
  if (const auto known = broker_.cluster().current()->topic("t")) topics[0].topic_id = known->id;
  wanted.group_id = group;
  wanted.topics = topics;
  wanted.groups.push_back({group, std::nullopt, -1, topics});
  wanted.require_stable = require_stable;
  auto answer = broker_.ask<protocol::offset_fetch_response>(wanted, version);
  if (version < 8) answer.groups.push_back({group, std::move(answer.topics), answer.error_code});
  const auto& of_group = answer.groups.at(0);
  if (of_group.error_code != error_code::none) return {0, -1, -1, "", of_group.error_code};
  return of_group.topics.at(0).partitions.at(0);
}

protocol::describe_transactions_response_transaction transaction_client::describe(
    const std::string& transactional_id) {
  const protocol::describe_transactions_request wanted{{transactional_id}};
  return broker_.ask<protocol::describe_transactions_response>(wanted).transaction_states.at(0);
}

std::string transaction_client::state_of(const std::string& transactional_id) {
  return describe(transactional_id).transaction_state;
}

void transaction_client::await_state(const std::string& transactional_id, const std::string& state) {
  await(state.c_str(), [&] { return state_of(transactional_id) == state; });
}

std::int64_t transaction_client::latest(isolation_level isolation, const std::string& topic,
                                        std::int32_t partition, std::int16_t version) {
  protocol::list_offsets_request wanted;
  wanted.replica_id = -1;
  wanted.isolation_level = isolation;
  wanted.topics.push_back({topic, {{partition, -1, protocol::list_offsets_timestamp::latest}}});
  const auto answer = broker_.ask<protocol::list_offsets_response>(wanted, version);
  const auto& row = answer.topics.at(0).partitions.at(0);
  EXPECT_EQ(row.error_code, error_code::none);
  return row.offset;
}

protocol::fetch_request transaction_client::fetch_of(isolation_level isolation, std::int64_t from,
                                                     std::int32_t max_wait_ms) const {
  protocol::fetch_request wanted;
  wanted.isolation_level = isolation;
  wanted.max_wait_ms = max_wait_ms;
  wanted.min_bytes = 1;
  auto& topic = wanted.topics.emplace_back();
  topic.topic = "t";
  topic.topic_id = broker_.cluster().current()->topic("t")->id;
  auto& partition = topic.partitions.emplace_back();
  partition.fetch_offset = from;
  partition.partition_max_bytes = 1 << 20;
  return wanted;
}

protocol::fetch_partition_data transaction_client::fetch(isolation_level isolation, std::int64_t from,
                                                         std::int16_t version) {
  auto answer = broker_.ask<protocol::fetch_response>(fetch_of(isolation, from), version);
  auto row = std::move(answer.responses.at(0).partitions.at(0));
  EXPECT_EQ(row.error_code, error_code::none);
  return row;
}

void transaction_client::hold_markers() {
  broker_.files().inject(
      {.what = operation::write, .error_number = ENOSPC, .path_contains = "/u-0/", .times = for_ever});
}

void transaction_client::let_markers_through(const std::string& transactional_id) {
  broker_.files().clear_faults();
  await_with_time(broker_, "the end", [&] { return !state_of(transactional_id).starts_with("Prepare"); });
}

transactions::transactions(metadata::config_map more) : broker(for_transactions(std::move(more))) {
  broker.make_topic("t", 3);
  broker.make_topic("u");
  client.find_coordinators();
}

std::int64_t transactions::end_of(const std::string& topic, std::int32_t partition) {
  return broker.partitions().find(topic)->find(model::partition_index(partition))->log_end_offset().value();
}

}  // namespace tidelog::test
