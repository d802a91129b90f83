#include "tidelog/coordinator/transaction_coordinator.hpp"

#include "coordinator/support_groups_world.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch_builder.hpp"

#include <array>
#include <future>
#include <set>
#include <thread>

namespace tidelog::coordinator {
namespace {

using test::awaited;
using outcome = model::transaction_outcome;

/// The values that a consumer of committed records reads: it leaves out what it is told was aborted.
std::set<std::string> committed_values(partition::partition& of) {
  std::set<std::string> values;
  const auto end = of.reach()->last_stable;
  const auto told = of.aborted_transactions(model::offset(0), end, io::patience::waits_for_disk);
  EXPECT_TRUE(told);
  std::set<model::producer_id> aborting;
  for (auto from = of.log_start_offset(); from < end;) {
    auto slice =
        of.read(from, {.max_bytes = 1}, storage::read_bound::before(end), io::patience::waits_for_disk);
    EXPECT_TRUE(slice);
    if (!slice || slice->data.length == 0) break;
    std::vector<std::byte> bytes(slice->data.length);
    EXPECT_TRUE(slice->data.source->read_at(bytes, slice->data.position));
    const auto batch = model::parse_record_batch(bytes);
    for (const auto& each : *told) {
      if (each.first_offset == batch->base_offset()) aborting.insert(each.producer);
    }
    if (batch->is_control()) {
      aborting.erase(batch->producer_id());
    } else if (!aborting.contains(batch->producer_id())) {
      for (auto& value : test::values_in(bytes)) values.insert(std::move(value));
    }
    from = slice->next_offset;
  }
  return values;
}

class transaction_coordinator_test : public testing::Test {
 protected:
  static metadata::broker_config default_config() { return metadata::effective_broker_config({}); }
  struct world {
    explicit world(test::fault_file_system& files, const metadata::broker_config& config = default_config())
        : disk(files),
          broker(files),
          transactions{{broker.manager(), groups, workers, base::system_clock(), metrics}, config} {
      transactions.set_id_source(
          [this] { return base::result<model::producer_id>(model::producer_id(next_id++)); });
      for (const auto* name : {offsets_topic, transactions_topic}) {
        if (!broker.image()->topic(name)) broker.record_topic(name, 3);
      }
      if (!broker.image()->topic("t")) broker.record_topic("t", 2);
      follow();
      wait_loaded();
    }
    ~world() { stop(); }
    void stop() {
      transactions.stop();
      groups.stop();
    }
    void follow() {
      broker.apply();
      groups.apply(broker.image());
      transactions.apply(broker.image());
    }
    void wait_loaded() {
      while (list().error == errc::load_in_progress) std::this_thread::yield();
      awaited<list_groups_answer> answer;
      groups.list_groups(answer.to());
      while (answer.get().error == errc::load_in_progress) {
        answer = {};
        groups.list_groups(answer.to());
      }
    }
    list_transactions_answer list(const std::string& pattern = "") {
      list_transactions_request request;
      request.pattern = pattern;
      awaited<list_transactions_answer> answer;
      transactions.list(request, answer.to());
      return answer.get();
    }
    init_producer_answer init(const std::string& id, std::int32_t timeout_ms = 60'000) {
      while (true) {
        init_producer_request request;
        request.transactional_id = id;
        request.timeout_ms = timeout_ms;
        request.version = transaction_version::epoch_per_transaction;
        awaited<init_producer_answer> answer;
        transactions.init_producer(std::move(request), answer.to());
        auto got = answer.get();
        if (got.error != errc::concurrent_transactions || disk.is_down()) return got;
        std::this_thread::yield();
      }
    }
    std::error_code add(const std::string& id, producer_identity who, std::vector<transaction_topic> topics) {
      while (true) {
        add_partitions_request request;
        request.transactional_id = id;
        request.producer = who;
        request.topics = topics;
        request.version = transaction_version::epoch_per_transaction;
        awaited<add_partitions_answer> answer;
        transactions.add_partitions(std::move(request), answer.to());
        const auto got = answer.get().error;
        // Without its disk the broker never gets to the end of the transaction before.
        if (got != errc::concurrent_transactions || disk.is_down()) return got;
        std::this_thread::yield();
      }
    }
    end_transaction_answer end(const std::string& id, producer_identity who, outcome how) {
      end_transaction_request request;
      request.transactional_id = id;
      request.producer = who;
      request.outcome = how;
      request.version = transaction_version::epoch_per_transaction;
      awaited<end_transaction_answer> answer;
      transactions.end_transaction(std::move(request), answer.to());
      return answer.get();
    }
    transaction_description describe(const std::string& id) {
      awaited<transaction_description> answer;
      transactions.describe(id, answer.to());
      return answer.get();
    }
    /// A transactional batch of one record.
    void append(std::int32_t partition, producer_identity who, std::int32_t sequence,
                const std::string& value) {
      model::record_batch_fields fields;
      fields.producer_id = who.id;
      fields.producer_epoch = who.epoch;
      fields.base_sequence = model::sequence(sequence);
      fields.attributes = model::batch_attribute::transactional;
      model::record_batch_builder builder(fields);
      builder.add(model::timestamp(test::test_now_ms), std::nullopt,
                  base::byte_view(reinterpret_cast<const std::byte*>(value.data()), value.size()));
      auto batch = builder.build();
      const auto to = broker.find("t", partition);
      const auto stored = to->append(batch, storage::append_origin::client);
      ASSERT_TRUE(stored) << stored.error().describe();
      ASSERT_TRUE(test::wait_committed(*to, stored->end_offset()));
    }
    /// Waits until nothing of the partition is in an open transaction.
    void wait_stable(std::int32_t partition) {
      const auto of = broker.find("t", partition);
      while (of->reach()->last_stable < of->log_end_offset()) std::this_thread::yield();
    }
    void wait_status(const std::string& id, transaction_status status) {
      while (describe(id).status != status) std::this_thread::yield();
    }

    test::fault_file_system& disk;
    std::int64_t next_id = 1'000;
    test::broker_run broker;
    base::worker_pool workers{"worker", 2};
    metrics::registry metrics;
    group_coordinator groups{{broker.manager(), workers, base::system_clock(), metrics},
                             metadata::effective_broker_config({})};
    transaction_coordinator transactions;
  };
  test::fault_file_system files;
};

TEST_F(transaction_coordinator_test, markers_end_the_transaction_in_every_partition) {
  world run(files);
  const auto who = run.init("a").producer;
  ASSERT_FALSE(run.add("a", who, {{"t", {0, 1}}}));
  run.append(0, who, 0, "x");
  run.append(1, who, 0, "y");
  EXPECT_EQ(run.broker.find("t", 0)->reach()->last_stable, model::offset(0));
  const auto ended = run.end("a", who, outcome::committed);
  EXPECT_FALSE(ended.error);
  run.wait_stable(0);
  run.wait_stable(1);
  run.wait_status("a", transaction_status::complete_commit);
  EXPECT_EQ(run.broker.find("t", 0)->log_end_offset(), model::offset(2));
  EXPECT_TRUE(run.describe("a").topics.empty());
}

TEST_F(transaction_coordinator_test, transactions_follow_one_another) {
  world run(files);
  auto who = run.init("a").producer;
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(run.add("a", who, {{"t", {0}}})) << i;
    run.append(0, who, 0, "x");
    const auto ended = run.end("a", who, i % 3 == 0 ? outcome::aborted : outcome::committed);
    ASSERT_FALSE(ended.error) << ended.error.message();
    who = ended.producer;
  }
  run.wait_stable(0);
  EXPECT_EQ(run.broker.find("t", 0)->log_end_offset(), model::offset(40));
}

TEST_F(transaction_coordinator_test, a_topic_that_was_deleted_needs_no_marker) {
  world run(files);
  run.broker.record_topic("gone", 1);
  run.follow();
  const auto who = run.init("a").producer;
  ASSERT_FALSE(run.add("a", who, {{"gone", {0}}, {"t", {0}}}));
  run.broker.record_deletion("gone");
  run.follow();
  ASSERT_FALSE(run.end("a", who, outcome::committed).error);
  run.wait_status("a", transaction_status::complete_commit);
}

TEST_F(transaction_coordinator_test, a_marker_that_cannot_be_written_is_tried_again) {
  world run(files);
  const auto who = run.init("a").producer;
  ASSERT_FALSE(run.add("a", who, {{"t", {0}}}));
  run.append(0, who, 0, "x");
  files.inject({.what = test::operation::write, .error_number = ENOSPC, .path_contains = "t-0", .times = 3});
  ASSERT_FALSE(run.end("a", who, outcome::committed).error);
  run.wait_status("a", transaction_status::complete_commit);
  run.wait_stable(0);
}

TEST_F(transaction_coordinator_test, what_has_ended_stays_counted_when_its_partition_is_read_anew) {
  world run(files);
  run.broker.manager().set_online_listener(
      [&](const auto& which) { run.transactions.log_was_opened(which); });
  const auto who = run.init("a").producer;
  ASSERT_FALSE(run.add("a", who, {{"t", {0}}}));
  const auto next = run.end("a", who, outcome::committed).producer;
  run.wait_status("a", transaction_status::complete_commit);
  const auto partition = run.broker.find(transactions_topic, partition_of_group("a", 3));
  files.inject({.what = test::operation::sync,
                .error_number = EIO,
                .path_contains = partition->name().text(),
                .times = test::for_ever});
  ASSERT_TRUE(run.add("a", next, {{"t", {0}}}));
  files.clear_faults();
  std::promise<base::status> reopened;
  run.broker.manager().reopen(partition, [&](base::status state) { reopened.set_value(std::move(state)); });
  ASSERT_TRUE(reopened.get_future().get());
  run.wait_loaded();
  EXPECT_NE(run.metrics.text(metrics::text_format::prometheus)
                .find("tidelog_transactions_total{outcome=\"committed\"} 1\n"),
            std::string::npos);
}

TEST_F(transaction_coordinator_test, ids_are_spread_listed_and_found_again_after_a_restart) {
  {
    world run(files);
    for (int i = 0; i < 20; ++i) ASSERT_FALSE(run.init("id-" + std::to_string(i)).error);
    run.stop();
    run.broker.stop_cleanly();
  }
  world run(files);
  EXPECT_EQ(run.list().transactions.size(), 20U);
  EXPECT_EQ(run.list("id-1.").transactions.size(), 10U);
  EXPECT_EQ(run.list("(").error, errc::invalid_pattern);
  EXPECT_EQ(run.describe("id-7").status, transaction_status::empty);
  EXPECT_EQ(run.describe("id-20").error, errc::transactional_id_not_found);
}

TEST_F(transaction_coordinator_test, later_requests_are_not_available_after_the_stop) {
  world run(files);
  run.stop();
  EXPECT_EQ(run.init("a").error, errc::not_available);
  EXPECT_EQ(run.describe("a").error, errc::not_available);
}

TEST_F(transaction_coordinator_test, a_partition_that_has_lost_its_marker_gets_it_again) {
  auto config = default_config();
  config.transactions.abort_timed_out_interval_ms = 1;
  world run(files, config);
  const auto who = run.init("a").producer;
  ASSERT_FALSE(run.add("a", who, {{"t", {0}}}));
  ASSERT_FALSE(run.end("a", who, outcome::committed).error);
  run.wait_status("a", transaction_status::complete_commit);
  // As if the records had been there before the marker, which is gone: of the same epoch, in a partition that has none.
  run.append(1, who, 0, "x");
  EXPECT_EQ(run.broker.find("t", 1)->reach()->last_stable, model::offset(0));
  run.wait_stable(1);
  EXPECT_EQ(committed_values(*run.broker.find("t", 1)), std::set<std::string>{"x"});
  // Nobody knows that producer: the operator is to look.
  run.append(0, {model::producer_id(4711), model::producer_epoch(0)}, 0, "y");
  const auto again = run.init("a").producer;
  ASSERT_FALSE(run.add("a", again, {{"t", {1}}}));
  run.append(1, again, 0, "z");
  ASSERT_FALSE(run.end("a", again, outcome::aborted).error);
  run.wait_stable(1);
  EXPECT_EQ(run.broker.find("t", 0)->reach()->last_stable, model::offset(1));
}

/// Power is cut at any change of the disk: what was answered as committed is committed, what was not is whole or not at
/// all, and nothing stays open.
TEST_F(transaction_coordinator_test, every_crash_leaves_transactions_whole) {
  const auto seed = test::random_seed();
  for (std::uint64_t at = 0;; at += 2) {
    test::fault_file_system disk;
    std::set<std::string> committed;
    std::set<std::string> aborted;
    {
      world run(disk);
      disk.make_durable();
      disk.cut_power_at(disk.changes() + at);
      auto who = run.init("a").producer;
      for (int i = 0; i < 4 && who.id != model::no_producer_id; ++i) {
        const auto value = "v" + std::to_string(i);
        if (run.add("a", who, {{"t", {0, 1}}})) break;
        bool is_there = true;
        for (int partition = 0; partition < 2; ++partition) {
          model::record_batch_fields fields;
          fields.producer_id = who.id;
          fields.producer_epoch = who.epoch;
          fields.base_sequence = model::sequence(0);
          fields.attributes = model::batch_attribute::transactional;
          model::record_batch_builder builder(fields);
          builder.add(model::timestamp(test::test_now_ms), std::nullopt,
                      base::byte_view(reinterpret_cast<const std::byte*>(value.data()), value.size()));
          auto batch = builder.build();
          const auto to = run.broker.find("t", partition);
          const auto stored = to->append(batch, storage::append_origin::client);
          is_there = is_there && stored && test::wait_committed(*to, stored->end_offset());
        }
        if (!is_there) break;
        const auto how = i % 2 == 0 ? outcome::committed : outcome::aborted;
        const auto ended = run.end("a", who, how);
        if (ended.error) break;
        (how == outcome::committed ? committed : aborted).insert(value);
        who = ended.producer;
      }
    }
    const bool was_cut = disk.is_down();
    disk.restart(test::unsynced::random, seed + at);
    world run(disk);
    const auto known = run.describe("a");
    if (!known.error) {
      // The producer comes again, and what was open is aborted.
      ASSERT_FALSE(run.init("a").error);
      run.wait_stable(0);
      run.wait_stable(1);
    }
    const std::array seen{committed_values(*run.broker.find("t", 0)),
                          committed_values(*run.broker.find("t", 1))};
    EXPECT_EQ(seen[0], seen[1]) << "cut at " << at << ": a transaction is torn";
    for (const auto& value : committed)
      EXPECT_TRUE(seen[0].contains(value)) << "cut at " << at << ": " << value;
    for (const auto& value : aborted)
      EXPECT_FALSE(seen[0].contains(value)) << "cut at " << at << ": " << value;
    if (!was_cut) break;
  }
}

}  // namespace
}  // namespace tidelog::coordinator
