#include "transaction_shard.hpp"

#include "coordinator/support_group_step.hpp"
#include "coordinator/support_transaction_step.hpp"

#include <gtest/gtest.h>

#include "tidelog/coordinator/group_error.hpp"

#include <limits>

namespace tidelog::coordinator {
namespace {

using test::caught;
using outcome = model::transaction_outcome;
using version = transaction_version;

constexpr std::int16_t most_epoch = std::numeric_limits<std::int16_t>::max();

producer_identity producer(std::int64_t id, std::int16_t epoch) {
  return {model::producer_id(id), model::producer_epoch(epoch)};
}

class transaction_shard_test : public testing::Test {
 protected:
  init_producer_answer init(std::optional<std::int64_t> fresh = std::nullopt, producer_identity before = {},
                            std::int32_t timeout_ms = 60'000) {
    init_producer_request request;
    request.transactional_id = "t";
    request.timeout_ms = timeout_ms;
    request.before = before;
    if (fresh) request.fresh_id = model::producer_id(*fresh);
    caught<init_producer_answer> answer;
    shard.init_producer(step, std::move(request), answer.to());
    step.deliver();
    return answer.answer();
  }
  add_partitions_request adding(
      producer_identity who, std::vector<transaction_topic> topics,
      add_partitions_request::missing mode = add_partitions_request::missing::added) {
    add_partitions_request request;
    request.transactional_id = "t";
    request.producer = who;
    request.topics = std::move(topics);
    request.when_missing = mode;
    request.version = used;
    return request;
  }
  add_partitions_answer add(producer_identity who, std::vector<transaction_topic> topics = {{"a", {0}}}) {
    caught<add_partitions_answer> answer;
    shard.add_partitions(step, adding(who, std::move(topics)), answer.to());
    step.deliver();
    return answer.answer();
  }
  add_partitions_answer verify(producer_identity who, std::vector<transaction_topic> topics) {
    caught<add_partitions_answer> answer;
    shard.add_partitions(step, adding(who, std::move(topics), add_partitions_request::missing::refused),
                         answer.to());
    step.deliver();
    return answer.answer();
  }
  end_transaction_answer end(producer_identity who, outcome how,
                             std::optional<std::int64_t> fresh = std::nullopt) {
    end_transaction_request request;
    request.transactional_id = "t";
    request.producer = who;
    request.outcome = how;
    request.version = used;
    if (fresh) request.fresh_id = model::producer_id(*fresh);
    caught<end_transaction_answer> answer;
    shard.end_transaction(step, std::move(request), answer.to());
    step.deliver();
    return answer.answer();
  }
  transaction_description describe() {
    caught<transaction_description> answer;
    shard.describe(step, "t", answer.to());
    step.deliver();
    return answer.answer();
  }
  /// The markers that were ordered are written.
  void markers_written() {
    for (const auto& order : step.take_orders()) EXPECT_FALSE(shard.markers_written(step, order));
    step.deliver();
  }
  /// Everything is forgotten and read from what was written.
  void restart() {
    shard.give_up(step, errc::not_coordinator);
    step.deliver();
    step.orders.clear();
    for (const auto& record : step.written) shard.replay(record);
    shard.loaded(step);
    ++step.epoch;
  }

  version used = version::epoch_per_transaction;
  test::fake_transaction_step step;
  transaction_shard shard;
};

TEST_F(transaction_shard_test, a_new_id_needs_a_producer_id_and_begins_at_epoch_0) {
  EXPECT_EQ(init().error, errc::needs_producer_id);
  EXPECT_TRUE(step.written.empty());
  const auto made = init(7);
  EXPECT_FALSE(made.error);
  EXPECT_EQ(made.producer, producer(7, 0));
  EXPECT_EQ(describe().status, transaction_status::empty);
  EXPECT_EQ(describe().start_unix_ms, -1);
}

TEST_F(transaction_shard_test, timeouts_have_bounds) {
  EXPECT_EQ(init(1, {}, 0).error, errc::invalid_transaction_timeout);
  EXPECT_EQ(init(1, {}, -1).error, errc::invalid_transaction_timeout);
  EXPECT_EQ(init(1, {}, 900'001).error, errc::invalid_transaction_timeout);
  EXPECT_FALSE(init(1, {}, 900'000).error);
}

TEST_F(transaction_shard_test, a_later_producer_fences_the_earlier) {
  init(7);
  EXPECT_EQ(init().producer, producer(7, 1));
  EXPECT_EQ(add(producer(7, 0)).error, errc::producer_fenced);
  EXPECT_EQ(end(producer(7, 0), outcome::committed).error, errc::producer_fenced);
  EXPECT_EQ(add(producer(8, 1)).error, errc::invalid_producer_id_mapping);
  EXPECT_EQ(end(producer(8, 1), outcome::committed).error, errc::invalid_producer_id_mapping);
  EXPECT_FALSE(add(producer(7, 1)).error);
}

TEST_F(transaction_shard_test, a_commit_walks_through_all_states) {
  init(7);
  EXPECT_FALSE(add(producer(7, 0), {{"a", {0, 2}}, {"b", {1}}}).error);
  auto seen = describe();
  EXPECT_EQ(seen.status, transaction_status::ongoing);
  EXPECT_EQ(seen.start_unix_ms, step.unix_now);
  EXPECT_EQ(seen.topics, (std::vector<transaction_topic>{{"a", {0, 2}}, {"b", {1}}}));

  const auto ended = end(producer(7, 0), outcome::committed);
  EXPECT_FALSE(ended.error);
  EXPECT_EQ(ended.producer, producer(7, 1));
  EXPECT_EQ(describe().status, transaction_status::prepare_commit);
  const auto orders = step.take_orders();
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].end,
            (model::transaction_end{model::producer_id(7), model::producer_epoch(1), outcome::committed, 3}));
  EXPECT_EQ(orders[0].partitions.size(), 3U);
  EXPECT_FALSE(shard.markers_written(step, orders[0]));
  seen = describe();
  EXPECT_EQ(seen.status, transaction_status::complete_commit);
  EXPECT_TRUE(seen.topics.empty());
  EXPECT_EQ(shard.counts().committed, 1U);
  EXPECT_FALSE(shard.markers_written(step, orders[0])) << "a second time changes nothing";
  EXPECT_EQ(shard.counts().committed, 1U);
}

TEST_F(transaction_shard_test, the_epoch_stays_with_older_clients) {
  used = version::flexible_records;
  init(7);
  add(producer(7, 0));
  EXPECT_EQ(end(producer(7, 0), outcome::aborted).producer, producer(7, 0));
  const auto orders = step.take_orders();
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].end.epoch, model::producer_epoch(0));
  EXPECT_EQ(orders[0].end.outcome, outcome::aborted);
}

TEST_F(transaction_shard_test, an_end_that_comes_again_is_answered_as_the_first) {
  for (const auto each : {version::flexible_records, version::epoch_per_transaction}) {
    SCOPED_TRACE(static_cast<int>(each));
    used = each;
    const auto who = init(7).producer;
    add(who);
    const auto first = end(who, outcome::committed);
    EXPECT_EQ(end(who, outcome::committed).error, errc::concurrent_transactions);
    EXPECT_EQ(end(who, outcome::aborted).error, errc::invalid_transaction_state);
    markers_written();
    EXPECT_EQ(end(who, outcome::committed).producer, first.producer);
    EXPECT_EQ(end(who, outcome::aborted).error, errc::invalid_transaction_state);
  }
}

TEST_F(transaction_shard_test, an_end_of_before_does_not_end_the_next_transaction) {
  init(7);
  add(producer(7, 0));
  end(producer(7, 0), outcome::committed);
  markers_written();
  add(producer(7, 1));
  EXPECT_EQ(end(producer(7, 0), outcome::committed).error, errc::producer_fenced);
  EXPECT_EQ(describe().status, transaction_status::ongoing);
}

TEST_F(transaction_shard_test, nothing_to_commit_is_an_error_and_nothing_to_abort_raises_the_epoch) {
  init(7);
  EXPECT_EQ(end(producer(7, 0), outcome::committed).error, errc::invalid_transaction_state);
  EXPECT_EQ(end(producer(7, 0), outcome::aborted).producer, producer(7, 1));
  markers_written();
  EXPECT_EQ(describe().status, transaction_status::complete_abort);
  EXPECT_EQ(end(producer(7, 1), outcome::committed).error, errc::invalid_transaction_state);
  EXPECT_EQ(end(producer(7, 1), outcome::aborted).producer, producer(7, 2));
  markers_written();
  used = version::flexible_records;
  const auto who = init().producer;
  EXPECT_EQ(end(who, outcome::aborted).error, errc::invalid_transaction_state);
}

TEST_F(transaction_shard_test, an_add_waits_for_the_end_of_the_transaction_before) {
  init(7);
  add(producer(7, 0), {{"a", {0}}});
  end(producer(7, 0), outcome::committed);
  caught<add_partitions_answer> waiting;
  shard.add_partitions(step, adding(producer(7, 1), {{"b", {0}}}), waiting.to());
  step.deliver();
  EXPECT_FALSE(waiting.has_answer());
  EXPECT_EQ(shard.next_deadline_ms(), step.now + 100);
  markers_written();
  EXPECT_FALSE(waiting.answer().error);
  EXPECT_EQ(describe().topics, (std::vector<transaction_topic>{{"b", {0}}}));
  EXPECT_FALSE(shard.next_deadline_ms());
}

TEST_F(transaction_shard_test, an_add_does_not_wait_for_ever) {
  init(7);
  add(producer(7, 0));
  end(producer(7, 0), outcome::committed);
  caught<add_partitions_answer> waiting;
  shard.add_partitions(step, adding(producer(7, 1), {{"b", {0}}}), waiting.to());
  step.pass(99);
  shard.advance(step);
  step.deliver();
  EXPECT_FALSE(waiting.has_answer());
  step.pass(1);
  shard.advance(step);
  step.deliver();
  EXPECT_EQ(waiting.answer().error, errc::concurrent_transactions);
  markers_written();
  EXPECT_TRUE(describe().topics.empty());
}

TEST_F(transaction_shard_test, only_what_is_in_the_transaction_is_verified) {
  init(7);
  EXPECT_EQ(verify(producer(7, 0), {{"a", {0}}}).missing.size(), 1U);
  add(producer(7, 0), {{"a", {0}}});
  EXPECT_TRUE(verify(producer(7, 0), {{"a", {0}}}).missing.empty());
  const auto seen = verify(producer(7, 0), {{"a", {0, 1}}, {"b", {0}}});
  EXPECT_EQ(seen.missing, (std::vector<model::topic_partition>{{"a", model::partition_index(1)},
                                                               {"b", model::partition_index(0)}}));
  EXPECT_EQ(describe().topics, (std::vector<transaction_topic>{{"a", {0}}})) << "nothing was added";
  end(producer(7, 0), outcome::committed);
  markers_written();
  EXPECT_EQ(verify(producer(7, 1), {{"a", {0}}}).missing.size(), 1U) << "it has ended";
}

TEST_F(transaction_shard_test, what_is_added_twice_is_written_once) {
  init(7);
  add(producer(7, 0), {{"a", {0}}});
  const auto written = step.written.size();
  add(producer(7, 0), {{"a", {0}}});
  EXPECT_EQ(step.written.size(), written);
  add(producer(7, 0), {{"a", {0, 1}}});
  EXPECT_EQ(step.written.size(), written + 1);
}

TEST_F(transaction_shard_test, a_new_producer_aborts_what_is_open) {
  init(7);
  add(producer(7, 0));
  EXPECT_EQ(init().error, errc::concurrent_transactions);
  EXPECT_EQ(init().error, errc::concurrent_transactions) << "until the markers are written";
  const auto orders = step.take_orders();
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].end.outcome, outcome::aborted);
  EXPECT_EQ(orders[0].end.epoch, model::producer_epoch(1)) << "the old producer is fenced";
  EXPECT_EQ(add(producer(7, 0)).error, errc::producer_fenced);
  EXPECT_FALSE(shard.markers_written(step, orders[0]));
  EXPECT_EQ(init().producer, producer(7, 2));
}

TEST_F(transaction_shard_test, a_producer_that_goes_on_is_let_in_again) {
  init(7);
  // It asks for a new epoch, and again since the answer was lost.
  EXPECT_EQ(init(std::nullopt, producer(7, 0)).producer, producer(7, 1));
  EXPECT_EQ(init(std::nullopt, producer(7, 0)).producer, producer(7, 1));
  EXPECT_EQ(init(std::nullopt, producer(7, 1)).producer, producer(7, 2));
  EXPECT_EQ(init(std::nullopt, producer(7, 0)).error, errc::producer_fenced);
  EXPECT_EQ(init(std::nullopt, producer(9, 2)).error, errc::producer_fenced);
  // With a transaction open, which is aborted first.
  add(producer(7, 2));
  EXPECT_EQ(init(std::nullopt, producer(7, 1)).error, errc::producer_fenced);
  EXPECT_EQ(init(std::nullopt, producer(7, 2)).error, errc::concurrent_transactions);
  markers_written();
  EXPECT_EQ(init(std::nullopt, producer(7, 2)).producer, producer(7, 3));
}

TEST_F(transaction_shard_test, overdue_transactions_are_aborted_and_their_producer_is_fenced) {
  init(7, {}, 5'000);
  add(producer(7, 0));
  step.pass(4'999);
  shard.abort_overdue(step);
  EXPECT_TRUE(step.take_orders().empty());
  step.pass(1);
  shard.abort_overdue(step);
  markers_written();
  EXPECT_EQ(describe().status, transaction_status::complete_abort);
  EXPECT_EQ(shard.counts().timed_out, 1U);
  EXPECT_EQ(end(producer(7, 0), outcome::committed).error, errc::producer_fenced);
  EXPECT_EQ(add(producer(7, 0)).error, errc::producer_fenced);
}

TEST_F(transaction_shard_test, unused_ids_are_forgotten) {
  init(7);
  add(producer(7, 0));
  step.pass(604'800'000);
  shard.forget_unused(step);
  EXPECT_EQ(shard.size(), 1U) << "not with an open transaction";
  end(producer(7, 0), outcome::aborted);
  step.pass(604'800'000);
  shard.forget_unused(step);
  EXPECT_EQ(shard.size(), 1U) << "nor while it ends";
  markers_written();
  step.pass(604'799'999);
  shard.forget_unused(step);
  EXPECT_EQ(shard.size(), 1U);
  step.pass(1);
  shard.forget_unused(step);
  EXPECT_EQ(shard.size(), 0U);
  EXPECT_EQ(describe().error, errc::transactional_id_not_found);
  restart();
  EXPECT_EQ(shard.size(), 0U) << "the tombstone was written";
}

TEST_F(transaction_shard_test, epochs_that_are_used_up_give_a_new_producer_id) {
  transaction_log_value value;
  value.producer_id = 7;
  value.producer_epoch = most_epoch - 2;
  value.transaction_timeout_ms = 60'000;
  value.last_update_timestamp_ms = step.unix_now;
  shard.replay({"t", value});
  const auto last = init().producer;
  EXPECT_EQ(last, producer(7, most_epoch - 1));
  add(last);
  EXPECT_EQ(end(last, outcome::committed).error, errc::needs_producer_id);
  EXPECT_EQ(describe().status, transaction_status::ongoing);
  const auto ended = end(last, outcome::committed, 8);
  EXPECT_EQ(ended.producer, producer(8, 0));
  const auto orders = step.take_orders();
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].end.producer, model::producer_id(7)) << "the records are of the old id";
  EXPECT_EQ(orders[0].end.epoch, model::producer_epoch(most_epoch));
  restart();
  markers_written();
  EXPECT_EQ(describe().producer, producer(8, 0));
  EXPECT_EQ(end(last, outcome::committed).producer, producer(8, 0)) << "its answer was lost";
  EXPECT_FALSE(add(producer(8, 0)).error);
}

TEST_F(transaction_shard_test, a_producer_whose_epochs_are_used_up_begins_with_a_new_id) {
  transaction_log_value value;
  value.producer_id = 7;
  value.producer_epoch = most_epoch - 1;
  value.transaction_timeout_ms = 60'000;
  value.last_update_timestamp_ms = step.unix_now;
  shard.replay({"t", value});
  EXPECT_EQ(init().error, errc::needs_producer_id);
  EXPECT_EQ(init(8).producer, producer(8, 0));
}

TEST_F(transaction_shard_test, what_was_decided_is_carried_out_after_a_restart) {
  init(7);
  add(producer(7, 0), {{"a", {0}}, {"b", {3}}});
  end(producer(7, 0), outcome::committed);
  restart();
  EXPECT_EQ(describe().status, transaction_status::prepare_commit);
  const auto orders = step.take_orders();
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].end.outcome, outcome::committed);
  EXPECT_EQ(orders[0].end.epoch, model::producer_epoch(1));
  EXPECT_EQ(orders[0].partitions.size(), 2U);
  EXPECT_FALSE(shard.markers_written(step, orders[0]));
  EXPECT_EQ(end(producer(7, 0), outcome::committed).producer, producer(7, 1));
}

TEST_F(transaction_shard_test, what_was_open_is_open_after_a_restart) {
  init(7, {}, 5'000);
  add(producer(7, 0));
  restart();
  EXPECT_TRUE(step.take_orders().empty());
  EXPECT_TRUE(verify(producer(7, 0), {{"a", {0}}}).missing.empty());
  step.pass(5'000);
  shard.abort_overdue(step);
  EXPECT_EQ(step.take_orders().size(), 1U);
}

TEST_F(transaction_shard_test, what_cannot_be_written_changes_nothing) {
  init(7);
  add(producer(7, 0));
  step.refusal = make_error_code(errc::not_available);
  EXPECT_EQ(add(producer(7, 0), {{"b", {0}}}).error, errc::not_available);
  EXPECT_EQ(end(producer(7, 0), outcome::committed).error, errc::not_available);
  EXPECT_EQ(init().error, errc::not_available);
  step.pass(1'000'000);
  shard.abort_overdue(step);
  shard.forget_unused(step);
  EXPECT_TRUE(step.take_orders().empty());
  step.refusal = {};
  EXPECT_EQ(describe().status, transaction_status::ongoing);
  EXPECT_EQ(describe().topics, (std::vector<transaction_topic>{{"a", {0}}}));
  end(producer(7, 0), outcome::committed);
  const auto orders = step.take_orders();
  ASSERT_EQ(orders.size(), 1U);
  step.refusal = make_error_code(errc::not_available);
  EXPECT_EQ(shard.markers_written(step, orders[0]), errc::not_available);
  step.refusal = {};
  EXPECT_EQ(describe().status, transaction_status::prepare_commit);
  EXPECT_FALSE(shard.markers_written(step, orders[0]));
}

TEST_F(transaction_shard_test, markers_wait_for_the_decision_to_be_durable) {
  init(7);
  add(producer(7, 0));
  step.not_durable = make_error_code(errc::not_coordinator);
  EXPECT_EQ(end(producer(7, 0), outcome::committed).error, errc::not_coordinator);
  EXPECT_TRUE(step.take_orders().empty());
}

TEST_F(transaction_shard_test, those_who_wait_are_answered_when_the_shard_is_given_up) {
  init(7);
  add(producer(7, 0));
  end(producer(7, 0), outcome::committed);
  caught<add_partitions_answer> waiting;
  shard.add_partitions(step, adding(producer(7, 1), {{"b", {0}}}), waiting.to());
  shard.give_up(step, errc::not_coordinator);
  step.deliver();
  EXPECT_EQ(waiting.answer().error, errc::not_coordinator);
  EXPECT_EQ(shard.size(), 0U);
}

TEST_F(transaction_shard_test, empty_ids_are_refused) {
  caught<init_producer_answer> made;
  shard.init_producer(step, {}, made.to());
  caught<add_partitions_answer> added;
  shard.add_partitions(step, {}, added.to());
  caught<end_transaction_answer> ended;
  shard.end_transaction(step, {}, ended.to());
  caught<transaction_description> described;
  shard.describe(step, "", described.to());
  step.deliver();
  EXPECT_EQ(made.answer().error, errc::invalid_request);
  EXPECT_EQ(added.answer().error, errc::invalid_request);
  EXPECT_EQ(ended.answer().error, errc::invalid_request);
  EXPECT_EQ(described.answer().error, errc::invalid_request);
}

/// The ends that a partition is told of whose log knows a transaction of the producer to be open.
class hanging_transaction_test : public transaction_shard_test {
 protected:
  std::optional<model::transaction_end> end_of(producer_identity who) {
    step.markers.clear();
    shard.end_hanging(step, {{{"a", model::partition_index(0)}, who}});
    EXPECT_LE(step.markers.size(), 1U);
    if (step.markers.empty()) return std::nullopt;
    EXPECT_EQ(step.markers[0].first, (model::topic_partition{"a", model::partition_index(0)}));
    return step.markers[0].second;
  }
};

TEST_F(hanging_transaction_test, what_goes_on_is_left_alone) {
  init(7);
  add(producer(7, 0));
  EXPECT_FALSE(end_of(producer(7, 0)));
  end(producer(7, 0), outcome::committed);
  EXPECT_FALSE(end_of(producer(7, 0))) << "its markers are being written";
  EXPECT_FALSE(end_of(producer(8, 0))) << "of another producer nothing is known";
}

TEST_F(hanging_transaction_test, a_lost_marker_is_written_again) {
  init(7);
  add(producer(7, 0));
  end(producer(7, 0), outcome::committed);
  markers_written();
  EXPECT_EQ(end_of(producer(7, 0)), (model::transaction_end{model::producer_id(7), model::producer_epoch(1),
                                                            outcome::committed, step.epoch}));
  add(producer(7, 1));
  EXPECT_FALSE(end_of(producer(7, 0))) << "the next one has begun, and may be in that partition";
  end(producer(7, 1), outcome::aborted);
  markers_written();
  EXPECT_EQ(end_of(producer(7, 1))->outcome, outcome::aborted);
  EXPECT_EQ(end_of(producer(7, 0))->outcome, outcome::aborted) << "how that one ended is not known any more";
  EXPECT_FALSE(end_of(producer(7, 3))) << "there was no such epoch";
}

TEST_F(hanging_transaction_test, with_older_clients_the_epoch_is_the_same) {
  used = version::flexible_records;
  init(7);
  add(producer(7, 0));
  end(producer(7, 0), outcome::committed);
  markers_written();
  EXPECT_EQ(end_of(producer(7, 0)), (model::transaction_end{model::producer_id(7), model::producer_epoch(0),
                                                            outcome::committed, step.epoch}));
  init();
  EXPECT_EQ(end_of(producer(7, 0))->outcome, outcome::aborted);
  EXPECT_EQ(end_of(producer(7, 0))->epoch, model::producer_epoch(1));
}

TEST_F(transaction_shard_test, lists_by_state_producer_and_age) {
  init(7);
  add(producer(7, 0));
  step.pass(1'000);
  const auto listed = [&](const auto& restrict) {
    list_transactions_request request;
    restrict(request);
    std::vector<transaction_listing> all;
    shard.list(step.unix_now, request, all);
    return all.size();
  };
  EXPECT_EQ(listed([](auto&) {}), 1U);
  EXPECT_EQ(listed([](auto& of) { of.statuses = {transaction_status::ongoing}; }), 1U);
  EXPECT_EQ(listed([](auto& of) { of.statuses = {transaction_status::empty}; }), 0U);
  EXPECT_EQ(listed([](auto& of) { of.producers = {model::producer_id(7)}; }), 1U);
  EXPECT_EQ(listed([](auto& of) { of.producers = {model::producer_id(8)}; }), 0U);
  EXPECT_EQ(listed([](auto& of) { of.older_than_ms = 999; }), 1U);
  EXPECT_EQ(listed([](auto& of) { of.older_than_ms = 1'000; }), 0U);
  end(producer(7, 0), outcome::aborted);
  EXPECT_EQ(listed([](auto& of) { of.older_than_ms = 999; }), 1U) << "it is still ending";
  markers_written();
  EXPECT_EQ(listed([](auto& of) { of.older_than_ms = 0; }), 0U) << "it is over";
}

}  // namespace
}  // namespace tidelog::coordinator
