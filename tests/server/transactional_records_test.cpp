// What transactions write and who sees it: records, offsets of groups, markers; and what a crash, a timeout or a deleted
// topic makes of them.

#include "support_transactions.hpp"

#include "tidelog/protocol/api_versions.hpp"
#include "tidelog/protocol/delete_topics.hpp"
#include "tidelog/protocol/join_group.hpp"
#include "tidelog/protocol/sync_group.hpp"
#include "tidelog/protocol/write_txn_markers.hpp"

#include <chrono>

namespace tidelog::test {
namespace {

using namespace std::chrono_literals;
using protocol::error_code;
using protocol::isolation_level;

constexpr auto none = error_code::none;
constexpr auto committed = isolation_level::read_committed;
constexpr auto uncommitted = isolation_level::read_uncommitted;
constexpr std::int16_t plain_produce = transaction_client::last_plain_produce;
constexpr std::int16_t adding_produce = transaction_client::first_adding_produce;
constexpr std::int16_t last_produce = 13;
constexpr std::int16_t raising_end = transaction_client::first_raising_end;

/// Answered by the thread that hands over requests, after all that were started before.
void let_all_begin(test_broker& broker) {
  const protocol::api_versions_request wanted{"test", "1"};
  EXPECT_EQ(broker.ask<protocol::api_versions_response>(wanted).error_code, none);
}

TEST_F(transactions, take_records_of_partitions_that_were_added) {
  for (std::int16_t version = 3; version <= plain_produce; ++version) {
    SCOPED_TRACE(version);
    const auto by = client.begin("x" + std::to_string(version));
    const auto absent = version < 11 ? error_code::invalid_txn_state : error_code::transaction_abortable;
    const auto before = end_of("t", 1);
    EXPECT_EQ(client.produce(by, {{.partition = 1}}, version), code_list{absent});
    ASSERT_EQ(client.add(by, {{"t", {0}}}), code_list{none});
    EXPECT_EQ(client.produce(by, {{.partition = 1}, {}}, version), (code_list{absent, none}));
    EXPECT_EQ(end_of("t", 1), before);
    client.end_and_wait(by, true);
    EXPECT_EQ(client.produce(by, {{.sequence = 1}}, version), code_list{absent}) << "it has ended";
  }
}

TEST_F(transactions, are_begun_by_records_from_version_12_on) {
  for (std::int16_t version = adding_produce; version <= last_produce; ++version) {
    SCOPED_TRACE(version);
    const auto by = client.begin("x" + std::to_string(version));
    EXPECT_EQ(client.produce(by, {{.partition = 1}, {.topic = "u"}}, version), (code_list{none, none}));
    const auto told = client.describe(by.transactional_id);
    EXPECT_EQ(told.transaction_state, "Ongoing");
    ASSERT_EQ(told.topics.size(), 2U);
    EXPECT_EQ(told.topics[0].partitions, std::vector<std::int32_t>{1});
    EXPECT_EQ(told.topics[1].topic, "u");
    const auto next = client.end_and_wait(by, true, raising_end);
    EXPECT_EQ(client.produce(next, {{.partition = 1}}, version), code_list{none});
    client.end_and_wait(next, false, raising_end);
  }
}

TEST_F(transactions, do_not_take_records_of_whom_they_are_not) {
  for (const auto version : {plain_produce, adding_produce, last_produce}) {
    SCOPED_TRACE(version);
    const auto zombie = client.begin("x");
    const auto by = client.begin("x");
    const auto other = client.begin("y");
    ASSERT_EQ(client.add(by, {{"t", {0, 1}}}), (code_list{none, none}));
    ASSERT_EQ(client.add(other, {{"t", {0, 1}}}), (code_list{none, none}));
    const auto before = end_of("t");
    EXPECT_EQ(client.produce(zombie, {{}}, version), code_list{error_code::invalid_producer_epoch});
    EXPECT_EQ(client.produce({"none", by.id, by.epoch}, {{}}, version),
              code_list{error_code::invalid_producer_id_mapping});
    EXPECT_EQ(client.produce({"", by.id, by.epoch}, {{}}, version),
              code_list{error_code::transactional_id_authorization_failed});
    EXPECT_EQ(client.produce({"x", -1, -1}, {{.sequence = -1}}, version),
              code_list{error_code::invalid_record});
    EXPECT_EQ(client.produce(by, {{.partition = 1}, {.by = other}}, version),
              (code_list{none, error_code::invalid_producer_id_mapping}));
    EXPECT_EQ(end_of("t"), before);
  }
}

class unverified_transactions : public transactions {
 protected:
  unverified_transactions() : transactions({{"transaction.partition.verification.enable", "false"}}) {}
};

TEST_F(unverified_transactions, take_what_was_not_added) {
  const auto by = client.begin("x");
  EXPECT_EQ(client.produce(by, {{}}), code_list{none});
  EXPECT_EQ(client.state_of("x"), "Empty");
  EXPECT_EQ(client.commit(client.offset_commit(by, "g", 1), 4), code_list{none});
  EXPECT_EQ(client.state_of("x"), "Empty");
  // Whoever adds goes on to add.
  EXPECT_EQ(client.produce(by, {{.partition = 1}}, adding_produce), code_list{none});
  EXPECT_EQ(client.state_of("x"), "Ongoing");
}

TEST_F(transactions, that_still_end_keep_records_of_the_next_waiting_and_then_refuse_them) {
  for (const auto version : {plain_produce, adding_produce, last_produce}) {
    SCOPED_TRACE(version);
    const auto end_version = version == plain_produce ? transaction_client::last_plain_end : raising_end;
    const auto by = client.begin("x");
    ASSERT_EQ(client.add(by, {{"u", {0}}}), code_list{none});
    client.hold_markers();
    const auto ended = client.end(by, true, end_version);
    const auto next = version == plain_produce ? by : test_producer{"x", by.id, ended.producer_epoch};
    auto refused = client.start_produce(next, {{}}, version);
    let_all_begin(broker);
    EXPECT_EQ(refused.wait_for(0s), std::future_status::timeout);
    broker.clock().advance(100ms);
    EXPECT_EQ(client.codes_of(std::move(refused), version), code_list{error_code::not_enough_replicas});
    client.let_markers_through("x");
    if (version == plain_produce) {
      ASSERT_EQ(client.add(by, {{"t", {0}}}), code_list{none});
    }
    // What was under way behind the refused batch does not take its place.
    const sent_batch later{.sequence = 1};
    EXPECT_EQ(client.produce(next, {later}, version), code_list{error_code::not_enough_replicas});
    EXPECT_EQ(client.produce(next, {{}}, version), code_list{none});
    EXPECT_EQ(client.produce(next, {later}, version), code_list{none});
    EXPECT_EQ(client.state_of("x"), "Ongoing");
  }
}

class patient_transactions : public transactions {
 protected:
  patient_transactions() : transactions({{"add.partitions.to.txn.retry.backoff.max.ms", "1000000"}}) {}
};

TEST_F(patient_transactions, keep_the_order_of_a_connection_while_one_of_its_requests_waits) {
  const auto by = client.begin("x");
  ASSERT_EQ(client.add(by, {{"u", {0}}}), code_list{none});
  client.hold_markers();
  const test_producer next{"x", by.id, client.end(by, true, raising_end).producer_epoch};
  const auto other = client.begin("y");
  auto first = client.start_produce(next, {{.sequence = 0}}, adding_produce);
  auto second = client.start_produce(next, {{.sequence = 1}}, last_produce);
  auto third = client.start_produce(other, {{.partition = 1}}, adding_produce);
  let_all_begin(broker);
  EXPECT_EQ(first.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(third.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(client.state_of("y"), "Empty") << "the third request has not begun";
  client.let_markers_through("x");
  EXPECT_EQ(client.codes_of(std::move(first), adding_produce), code_list{none});
  EXPECT_EQ(client.codes_of(std::move(second), last_produce), code_list{none});
  EXPECT_EQ(client.codes_of(std::move(third), adding_produce), code_list{none});
  EXPECT_EQ(client.state_of("y"), "Ongoing");
}

TEST_F(transactions, keep_offsets_pending_until_they_are_committed) {
  for (std::int16_t version = 0; version <= 5; ++version) {
    SCOPED_TRACE(version);
    const auto by = client.begin("x" + std::to_string(version));
    const auto group = "g" + std::to_string(version);
    const auto not_added = version < 4 ? error_code::invalid_txn_state : error_code::transaction_abortable;
    if (version < 5) {
      EXPECT_EQ(client.commit(client.offset_commit(by, group, 1), version), code_list{not_added});
      ASSERT_EQ(client.add_offsets(by, group), none);
    }
    EXPECT_EQ(client.commit(client.offset_commit(by, group, 100), version), code_list{none});
    EXPECT_EQ(client.describe(by.transactional_id).topics.at(0).topic, "__consumer_offsets");
    for (std::int16_t fetch = 7; fetch <= 10; ++fetch) {
      EXPECT_EQ(client.committed(group, false, fetch).committed_offset, -1);
      EXPECT_EQ(client.committed(group, false, fetch).error_code, none);
      EXPECT_EQ(client.committed(group, true, fetch).error_code, error_code::unstable_offset_commit);
    }
    client.end_and_wait(by, true);
    const auto row = client.committed(group, true);
    EXPECT_EQ(row.error_code, none);
    EXPECT_EQ(row.committed_offset, 100);
    EXPECT_EQ(row.metadata, "note");
    EXPECT_EQ(row.committed_leader_epoch, version >= 2 ? 5 : -1);

    if (version < 5) {
      ASSERT_EQ(client.add_offsets(by, group), none);
    }
    EXPECT_EQ(client.commit(client.offset_commit(by, group, 200), version), code_list{none});
    EXPECT_EQ(client.committed(group).committed_offset, 100);
    EXPECT_EQ(client.committed(group, true).error_code, error_code::unstable_offset_commit);
    client.end_and_wait(by, false);
    EXPECT_EQ(client.committed(group, true).committed_offset, 100);
  }
}

TEST_F(transactions, refuse_offsets_row_by_row_and_those_of_whom_they_are_not) {
  for (std::int16_t version = 0; version <= 5; ++version) {
    SCOPED_TRACE(version);
    const auto id = "x" + std::to_string(version);
    const auto zombie = client.begin(id);
    const auto by = client.begin(id);
    ASSERT_EQ(client.add_offsets(by, "g"), none);
    auto wanted = client.offset_commit(by, "g", 7);
    wanted.topics.push_back({"unknown", {{0, 1, -1, ""}}});
    wanted.topics.push_back({"t", {{9, 1, -1, ""}, {2, 1, -1, std::nullopt}, {-1, 1, -1, ""}}});
    constexpr auto unknown = error_code::unknown_topic_or_partition;
    EXPECT_EQ(client.commit(wanted, version), (code_list{none, unknown, unknown, none, unknown}));
    EXPECT_EQ(client.commit(client.offset_commit(zombie, "g", 8), version),
              code_list{error_code::invalid_producer_epoch});
    EXPECT_EQ(client.commit(client.offset_commit({"none", by.id, by.epoch}, "g", 8), version),
              code_list{error_code::invalid_producer_id_mapping});
    client.end_and_wait(by, true);
    EXPECT_EQ(client.committed("g").committed_offset, 7);
  }
}

TEST_F(transactions, refuse_offsets_of_members_that_are_none_any_more) {
  protocol::join_group_request join;
  join.group_id = "g";
  join.session_timeout_ms = join.rebalance_timeout_ms = 10'000;
  join.protocol_type = "consumer";
  join.protocols = {{"range", {std::byte{7}}}};
  const auto joined = broker.ask<protocol::join_group_response>(join, 0);
  ASSERT_EQ(joined.error_code, none);
  protocol::sync_group_request sync;
  sync.group_id = "g";
  sync.generation_id = joined.generation_id;
  sync.member_id = joined.member_id;
  ASSERT_EQ(broker.ask<protocol::sync_group_response>(sync, 0).error_code, none);
  for (std::int16_t version = 3; version <= 5; ++version) {
    SCOPED_TRACE(version);
    const auto by = client.begin("x" + std::to_string(version));
    ASSERT_EQ(client.add_offsets(by, "g"), none);
    ASSERT_EQ(client.add_offsets(by, "none"), none);
    auto wanted = client.offset_commit(by, "g", 7);
    wanted.member_id = joined.member_id;
    wanted.generation_id = joined.generation_id;
    EXPECT_EQ(client.commit(wanted, version), code_list{none});
    ++wanted.generation_id;
    EXPECT_EQ(client.commit(wanted, version), code_list{error_code::illegal_generation});
    wanted.member_id = "nobody";
    EXPECT_EQ(client.commit(wanted, version), code_list{error_code::unknown_member_id});
    wanted.group_id = "none";
    EXPECT_EQ(client.commit(wanted, version), code_list{error_code::illegal_generation});
  }
}

TEST_F(transactions, hide_what_comes_after_their_first_record_until_they_end) {
  broker.append("t", 0, 3);
  const auto by = client.begin("x");
  EXPECT_EQ(client.produce(by, {{}}, adding_produce), code_list{none});
  broker.append("t", 0, 2);
  for (std::int16_t version = 1; version <= 11; ++version) {
    EXPECT_EQ(client.latest(uncommitted, "t", 0, version), 6);
    EXPECT_EQ(client.latest(committed, "t", 0, version), version < 2 ? 6 : 3) << version;
  }
  const auto size_of_first = client.fetch(committed, 0).records.size();
  const auto size_of_all = client.fetch(uncommitted, 0).records.size();
  EXPECT_GT(size_of_first, 0U);
  EXPECT_GT(size_of_all, size_of_first);
  for (std::int16_t version = 4; version <= 18; ++version) {
    SCOPED_TRACE(version);
    const auto told = client.fetch(committed, 0, version);
    EXPECT_EQ(told.last_stable_offset, 3);
    EXPECT_EQ(told.high_watermark, 6);
    EXPECT_EQ(told.records.size(), size_of_first);
    EXPECT_EQ(client.fetch(uncommitted, 0, version).records.size(), size_of_all);
    EXPECT_EQ(client.fetch(committed, 3, version).records.size(), 0U);
  }
  client.end_and_wait(by, true, raising_end);
  EXPECT_EQ(client.latest(committed), 7) << "with the marker";
  const auto told = client.fetch(committed, 3);
  EXPECT_EQ(told.last_stable_offset, 7);
  EXPECT_GT(told.records.size(), size_of_all - size_of_first);
}

TEST_F(transactions, wake_those_who_wait_for_what_is_committed) {
  const auto by = client.begin("x");
  EXPECT_EQ(client.produce(by, {{}}, adding_produce), code_list{none});
  constexpr std::int16_t version = 12;
  auto waiting = broker.start_frame(test_broker::frame_of(client.fetch_of(committed, 0, 60'000), version));
  let_all_begin(broker);
  broker.append("t", 0, 1);
  EXPECT_EQ(waiting.wait_for(0s), std::future_status::timeout);
  client.end_and_wait(by, true, raising_end);
  ASSERT_EQ(waiting.wait_for(20s), std::future_status::ready);
  auto got = waiting.get();
  const auto answer = test_broker::decode<protocol::fetch_response>(got, version);
  EXPECT_EQ(answer.responses.at(0).partitions.at(0).last_stable_offset, 3);
  EXPECT_GT(answer.responses.at(0).partitions.at(0).records.size(), 0U);
}

class marked_transactions : public transactions {
 protected:
  /// Of one producer, one marker for each partition.
  code_list mark(const test_producer& by, bool commits, const partition_map& partitions,
                 std::int32_t coordinator_epoch, std::int16_t version) {
    protocol::write_txn_markers_request wanted;
    auto& marker = wanted.markers.emplace_back();
    marker.producer_id = by.id;
    marker.producer_epoch = by.epoch;
    marker.transaction_result = commits;
    marker.coordinator_epoch = coordinator_epoch;
    for (const auto& [name, indexes] : partitions) marker.topics.push_back({name, indexes});
    const auto answer = broker.ask<protocol::write_txn_markers_response>(wanted, version);
    EXPECT_EQ(answer.markers.at(0).producer_id, by.id);
    code_list codes;
    for (const auto& topic : answer.markers.at(0).topics) {
      for (const auto& each : topic.partitions) codes.push_back(each.error_code);
    }
    return codes;
  }
};

TEST_F(marked_transactions, end_by_hand_where_the_marker_is_written) {
  for (std::int16_t version = 1; version <= 2; ++version) {
    SCOPED_TRACE(version);
    const auto by = client.begin("x");
    ASSERT_EQ(client.produce(by, {{}, {.partition = 1}}, adding_produce), (code_list{none, none}));
    const auto begun = client.latest(committed);
    EXPECT_EQ(begun, end_of("t") - 1);
    constexpr auto unknown = error_code::unknown_topic_or_partition;
    EXPECT_EQ(mark(by, false, {{"none", {0}}, {"t", {9, 0}}}, 5, version),
              (code_list{unknown, unknown, none}));
    EXPECT_EQ(client.latest(committed), begun + 2);
    EXPECT_EQ(end_of("t"), begun + 2);
    EXPECT_LT(client.latest(committed, "t", 1), end_of("t", 1));
    EXPECT_EQ(mark(by, false, {{"t", {0}}}, 4, version),
              code_list{error_code::transaction_coordinator_fenced});
    // Its coordinator, which is of an older epoch, gets the others ended all the same.
    client.end_and_wait(by, true);
    EXPECT_EQ(client.latest(committed, "t", 1), end_of("t", 1));
    EXPECT_EQ(end_of("t"), begun + 2);
  }
}

TEST_F(marked_transactions, do_not_end_by_markers_of_earlier_producers) {
  const auto zombie = client.begin("x");
  const auto by = client.begin("x");
  ASSERT_EQ(client.produce(by, {{}}, adding_produce), code_list{none});
  EXPECT_EQ(mark(zombie, false, {{"t", {0}}}, 5, 2), code_list{error_code::invalid_producer_epoch});
  EXPECT_EQ(client.latest(committed), 0);
  EXPECT_EQ(end_of("t"), 1);
}

TEST_F(marked_transactions, let_go_of_offsets_by_hand) {
  for (const bool commits : {true, false}) {
    SCOPED_TRACE(commits);
    const std::string group = commits ? "c" : "a";
    const auto by = client.begin(group);
    ASSERT_EQ(client.commit(client.offset_commit(by, group, 9)), code_list{none});
    const auto place = client.describe(group).topics.at(0);
    EXPECT_EQ(client.committed(group, true).error_code, error_code::unstable_offset_commit);
    const auto before = end_of(place.topic, place.partitions.at(0));
    EXPECT_EQ(mark(by, commits, {{place.topic, place.partitions}}, 5, 1), code_list{none});
    EXPECT_EQ(end_of(place.topic, place.partitions.at(0)), before + 1);
    EXPECT_EQ(client.committed(group, true).error_code, none);
    EXPECT_EQ(client.committed(group, true).committed_offset, commits ? 9 : -1);
    EXPECT_EQ(mark(by, commits, {{place.topic, {99}}}, 5, 1),
              code_list{error_code::unknown_topic_or_partition});
  }
}

class timed_transactions : public transactions {
 protected:
  timed_transactions()
      : transactions({{"transaction.abort.timed.out.transaction.cleanup.interval.ms", "10"}}) {}
};

TEST_F(timed_transactions, are_aborted_when_their_time_is_over) {
  const auto by = client.begin("short", 1000);
  const auto patient = client.begin("long", 1001);
  ASSERT_EQ(client.produce(by, {{}}, adding_produce), code_list{none});
  ASSERT_EQ(client.produce(patient, {{.partition = 1}}, adding_produce), code_list{none});
  broker.clock().advance(1000ms);
  client.await_state("short", "CompleteAbort");
  EXPECT_EQ(client.state_of("long"), "Ongoing");
  EXPECT_EQ(client.latest(committed), 2);
  EXPECT_EQ(client.describe("short").producer_epoch, by.epoch + 1);
  for (const auto version : {plain_produce, adding_produce}) {
    EXPECT_EQ(client.produce(by, {{.sequence = 1}}, version), code_list{error_code::invalid_producer_epoch});
  }
  EXPECT_EQ(client.end(by, true).error_code, error_code::producer_fenced);
  EXPECT_EQ(client.end(by, true, 1).error_code, error_code::invalid_producer_epoch);
  EXPECT_EQ(client.begin("short").epoch, by.epoch + 2);
}

TEST_F(transactions, end_without_partitions_whose_topic_was_deleted) {
  for (const bool waits : {false, true}) {
    SCOPED_TRACE(waits);
    const auto by = client.begin("x");
    ASSERT_EQ(client.produce(by, {{}, {.topic = "u"}}, adding_produce), (code_list{none, none}));
    if (waits) {
      client.hold_markers();
      ASSERT_EQ(client.end(by, true).error_code, none);
      // The other partition does not wait for this one.
      await("its marker", [&] { return client.latest(committed) == end_of("t"); });
      EXPECT_EQ(client.state_of("x"), "PrepareCommit");
    }
    protocol::delete_topics_request wanted;
    wanted.topics.push_back({"u", {}});
    ASSERT_EQ(broker.ask<protocol::delete_topics_response>(wanted).responses.at(0).error_code, none);
    if (waits) {
      client.let_markers_through("x");
    } else {
      client.end_and_wait(by, true);
    }
    EXPECT_EQ(client.state_of("x"), "CompleteCommit");
    EXPECT_EQ(client.latest(committed), end_of("t"));
    broker.make_topic("u");
  }
}

/// The broker comes and goes, the disk stays.
class transactions_after_a_crash : public testing::Test {
 protected:
  transactions_after_a_crash() {
    start();
    broker->make_topic("t", 3);
    broker->make_topic("u");
    client->find_coordinators();
  }
  void start() {
    broker.emplace(for_transactions({}, &files));
    client.emplace(*broker);
  }
  void stop() {
    client.reset();
    broker.reset();
  }
  /// What was not promised is lost.
  void crash() {
    files.cut_power();
    stop();
    files.clear_faults();
    files.restart(unsynced::lost);
    start();
    client->find_coordinators();
  }

  ~transactions_after_a_crash() override { files.resume_disk(); }

  fault_file_system files;
  std::optional<test_broker> broker;
  std::optional<transaction_client> client;
};

TEST_F(transactions_after_a_crash, are_still_open_and_end_as_their_producer_says) {
  const auto by = client->begin("x");
  ASSERT_EQ(client->produce(by, {{}}, adding_produce), code_list{none});
  ASSERT_EQ(client->commit(client->offset_commit(by, "g", 9)), code_list{none});
  crash();
  const auto told = client->describe("x");
  EXPECT_EQ(told.transaction_state, "Ongoing");
  EXPECT_EQ(told.producer_id, by.id);
  EXPECT_EQ(told.topics.size(), 2U);
  EXPECT_EQ(client->latest(committed), 0);
  EXPECT_EQ(client->committed("g", true).error_code, error_code::unstable_offset_commit);
  ASSERT_EQ(client->produce(by, {{.sequence = 1}}, adding_produce), code_list{none});
  client->end_and_wait(by, true, raising_end);
  EXPECT_EQ(client->latest(committed), 3);
  EXPECT_EQ(client->committed("g", true).committed_offset, 9);
}

TEST_F(transactions_after_a_crash, are_still_open_and_aborted_by_the_next_producer) {
  const auto by = client->begin("x");
  ASSERT_EQ(client->produce(by, {{}}, adding_produce), code_list{none});
  crash();
  const auto next = client->begin("x");
  EXPECT_EQ(next.id, by.id);
  EXPECT_GT(next.epoch, by.epoch);
  EXPECT_EQ(client->latest(committed), 2);
}

TEST_F(transactions_after_a_crash, end_as_was_decided) {
  for (const bool commits : {true, false}) {
    SCOPED_TRACE(commits);
    const std::string id = commits ? "c" : "a";
    const auto by = client->begin(id);
    ASSERT_EQ(client->produce(by, {{}, {.topic = "u"}}, adding_produce), (code_list{none, none}));
    ASSERT_EQ(client->commit(client->offset_commit(by, id, 9)), code_list{none});
    client->hold_markers();
    const auto ended = client->end(by, commits, raising_end);
    ASSERT_EQ(ended.error_code, none);
    crash();
    // A marker that came before the group's partition was read waits for its next attempt.
    await_with_time(*broker, "the end",
                    [&] { return client->state_of(id) == (commits ? "CompleteCommit" : "CompleteAbort"); });
    EXPECT_EQ(client->latest(committed), client->latest(uncommitted));
    EXPECT_EQ(client->latest(committed, "u"), client->latest(uncommitted, "u"));
    EXPECT_EQ(client->committed(id, true).committed_offset, commits ? 9 : -1);
    EXPECT_EQ(client->describe(id).producer_epoch, ended.producer_epoch);
    EXPECT_EQ(client->end(by, commits, raising_end).producer_epoch, ended.producer_epoch);
    const test_producer next{id, ended.producer_id, ended.producer_epoch};
    EXPECT_EQ(client->produce(next, {{}}, adding_produce), code_list{none});
    client->end_and_wait(next, true, raising_end);
  }
  await_with_time(*broker, "the first group",
                  [&] { return client->committed("c", true).error_code == none; });
  EXPECT_EQ(client->committed("c", true).committed_offset, 9) << "the second crash changes nothing";
}

TEST_F(transactions_after_a_crash, do_not_take_records_that_were_verified_before_their_end) {
  const test_producer plain{"", 9, 0};
  for (int sequence = 0; sequence < 3; ++sequence)
    ASSERT_EQ(client->produce(plain, {{.sequence = sequence, .by = plain}}), code_list{none});
  stop();
  start();
  client->find_coordinators();
  const auto by = client->begin("x");
  ASSERT_EQ(client->add(by, {{"t", {1}}}), code_list{none});
  files.evict_page_cache();
  files.stall_disk();
  // Only the disk knows whether the first batch is an old one; the second comes after it.
  auto late = client->start_produce(by, {{.sequence = 0, .by = plain}, {.partition = 1}}, plain_produce);
  let_all_begin(*broker);
  client->end_and_wait(by, true);
  files.resume_disk();
  const auto codes = client->codes_of(std::move(late), plain_produce);
  ASSERT_EQ(codes.size(), 2U);
  EXPECT_EQ(codes[0], none);
  EXPECT_EQ(protocol::describe(codes[1]).retry, protocol::retry::retriable);
  EXPECT_EQ(client->latest(committed, "t", 1), client->latest(uncommitted, "t", 1));
  EXPECT_EQ(client->latest(committed, "t", 1), 1) << "the marker";
  EXPECT_EQ(client->produce(by, {{.partition = 1}}), code_list{error_code::transaction_abortable});
}

}  // namespace
}  // namespace tidelog::test
