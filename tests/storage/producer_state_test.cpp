#include "tidelog/storage/producer_state.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/storage_error.hpp"

#include <limits>
#include <map>

namespace tidelog::storage {
namespace {

using content = producer_batch::content;
constexpr std::int32_t last_of_all = std::numeric_limits<std::int32_t>::max();
constexpr base::unix_ms now = 1'700'000'000'000;

struct batch_plan {
  std::int64_t producer = 7;
  std::int16_t epoch = 0;
  std::int32_t sequence = 0;
  std::int32_t records = 1;
  std::int64_t offset = 0;
  content kind = content::records;
};

producer_batch make(const batch_plan& plan) {
  return {.producer = model::producer_id(plan.producer),
          .epoch = model::producer_epoch(plan.epoch),
          .kind = plan.kind,
          .base_sequence = model::sequence(plan.sequence),
          .last_offset_delta = plan.records - 1,
          .base_offset = model::offset(plan.offset),
          .max_timestamp = model::timestamp(now + plan.offset)};
}

/// "accepted", "duplicate of BASE..LAST" or the error's name.
std::string answer(const producer_state& state, const batch_plan& plan) {
  const auto outcome = state.check(make(plan));
  if (!outcome) return outcome.error().code.message();
  if (!*outcome) return "accepted";
  return fmt::format("duplicate of {}..{}", (*outcome)->base_offset.value(), (*outcome)->last_offset.value());
}
std::string message_of(errc code) {
  return make_error_code(code).message();
}

/// Records batches of one record, with sequences and offsets from 0 on.
producer_state after_batches(int count) {
  producer_state state;
  for (int i = 0; i < count; ++i) state.record(make({.sequence = i, .offset = i}), now);
  return state;
}

TEST(producer_state_test, unknown_producer_may_start_anywhere) {
  const producer_state state;
  EXPECT_EQ(answer(state, {.sequence = 41}), "accepted");
  EXPECT_EQ(answer(after_batches(1), {.producer = 8, .sequence = 41}), "accepted");
}

TEST(producer_state_test, the_next_sequence_is_accepted_and_no_other) {
  const auto state = after_batches(3);
  EXPECT_EQ(answer(state, {.sequence = 3}), "accepted");
  EXPECT_EQ(answer(state, {.sequence = 4}), message_of(errc::out_of_order_sequence));
}

TEST(producer_state_test,
     the_last_five_duplicates_are_answered_with_their_offsets_and_older_ones_are_refused) {
  const auto state = after_batches(7);
  EXPECT_EQ(answer(state, {.sequence = 1}), message_of(errc::out_of_order_sequence));
  for (int i = 2; i < 7; ++i)
    EXPECT_EQ(answer(state, {.sequence = i}), fmt::format("duplicate of {0}..{0}", i));
}

TEST(producer_state_test, batch_with_another_end_is_no_duplicate) {
  producer_state state;
  state.record(make({.sequence = 0, .records = 3, .offset = 10}), now);
  EXPECT_EQ(answer(state, {.sequence = 0, .records = 3}), "duplicate of 10..12");
  EXPECT_EQ(answer(state, {.sequence = 0, .records = 2}), message_of(errc::out_of_order_sequence));
}

TEST(producer_state_test, duplicate_tells_the_originals_timestamp) {
  producer_state state;
  state.record(make({.sequence = 0, .offset = 99}), now);
  EXPECT_EQ((*state.check(make({.sequence = 0})))->timestamp, model::timestamp(now + 99));
}

TEST(producer_state_test, sequence_goes_on_with_zero_after_the_largest) {
  producer_state state;
  state.record(make({.sequence = last_of_all - 1, .records = 2, .offset = 5}), now);
  EXPECT_EQ(answer(state, {.sequence = 0}), "accepted");
  EXPECT_EQ(answer(state, {.sequence = 1}), message_of(errc::out_of_order_sequence));
}

TEST(producer_state_test, batch_across_the_wrap_is_known_again) {
  producer_state state;
  state.record(make({.sequence = last_of_all, .records = 4, .offset = 5}), now);
  EXPECT_EQ(answer(state, {.sequence = last_of_all, .records = 4}), "duplicate of 5..8");
  EXPECT_EQ(answer(state, {.sequence = 3}), "accepted");
}

TEST(producer_state_test, newer_epoch_starts_at_zero) {
  const auto state = after_batches(3);
  EXPECT_EQ(answer(state, {.epoch = 1, .sequence = 0}), "accepted");
  EXPECT_EQ(answer(state, {.epoch = 1, .sequence = 3}), message_of(errc::out_of_order_sequence));
}

TEST(producer_state_test, older_epoch_is_refused_even_for_what_was_a_duplicate) {
  auto state = after_batches(3);
  state.record(make({.epoch = 1, .sequence = 0, .offset = 3}), now);
  EXPECT_EQ(answer(state, {.epoch = 0, .sequence = 2}), message_of(errc::invalid_producer_epoch));
  EXPECT_EQ(answer(state, {.epoch = 0, .sequence = 3}), message_of(errc::invalid_producer_epoch));
  EXPECT_EQ(answer(state, {.epoch = 1, .sequence = 0}), "duplicate of 3..3");
}

TEST(producer_state_test, epoch_that_began_with_a_marker_starts_at_zero) {
  auto state = after_batches(3);
  state.record(make({.epoch = 1, .sequence = -1, .offset = 3, .kind = content::end_of_transaction}), now);
  EXPECT_EQ(answer(state, {.epoch = 1, .sequence = 0}), "accepted");
  EXPECT_EQ(answer(state, {.epoch = 1, .sequence = 1}), message_of(errc::out_of_order_sequence));
}

TEST(producer_state_test, brokers_own_batches_are_asked_for_their_epochs_only) {
  producer_state state;
  auto marker = make({.epoch = 3, .sequence = -1, .offset = 3, .kind = content::end_of_transaction});
  marker.coordinator_epoch = 5;
  EXPECT_TRUE(state.check_epochs(marker));
  state.record(marker, now);
  EXPECT_TRUE(state.check_epochs(make({.epoch = 3, .sequence = 77})));
  EXPECT_TRUE(state.check_epochs(marker));
  auto older_coordinator = marker;
  older_coordinator.epoch = model::producer_epoch(4);
  older_coordinator.coordinator_epoch = 4;
  EXPECT_EQ(state.check_epochs(older_coordinator).error().code, errc::coordinator_fenced);
  auto older_producer = marker;
  older_producer.epoch = model::producer_epoch(2);
  older_producer.coordinator_epoch = 6;
  EXPECT_EQ(state.check_epochs(older_producer).error().code, errc::invalid_producer_epoch);
  EXPECT_EQ(state.check_epochs(make({.epoch = 2, .kind = content::transactional})).error().code,
            errc::invalid_producer_epoch);
}

TEST(producer_state_test,
     transactional_batch_without_a_sequence_opens_the_transaction_and_leaves_the_sequence) {
  auto state = after_batches(1);
  state.record(make({.producer = 8, .sequence = -1, .offset = 5, .kind = content::transactional}), now);
  state.record(make({.sequence = -1, .offset = 6, .kind = content::transactional}), now);
  EXPECT_EQ(state.open_transaction_of(model::producer_id(8)), model::offset(5));
  EXPECT_EQ(state.first_open_transaction(), model::offset(5));
  EXPECT_EQ(state.first_open_transaction(model::producer_id(8)), model::offset(6));
  const auto described = state.describe();
  EXPECT_EQ(described[0].last_sequence, model::sequence(0));
  EXPECT_EQ(described[1].last_sequence, model::no_sequence);
  EXPECT_EQ(described[1].current_txn_first_offset, model::offset(5));
  producer_state loaded;
  loaded.load(state.snapshot(), now);
  EXPECT_EQ(loaded.describe(), described);
}

TEST(producer_state_test, open_transaction_takes_no_plain_records_and_ends_with_its_marker) {
  producer_state state;
  state.record(make({.sequence = 0, .offset = 40, .kind = content::transactional}), now);
  state.record(make({.sequence = 1, .offset = 41, .kind = content::transactional}), now);
  EXPECT_EQ(state.first_open_transaction(), model::offset(40));
  EXPECT_EQ(answer(state, {.sequence = 2}), message_of(errc::invalid_txn_state));
  EXPECT_EQ(answer(state, {.sequence = 2, .kind = content::transactional}), "accepted");
  state.record(make({.sequence = -1, .offset = 42, .kind = content::end_of_transaction}), now);
  EXPECT_EQ(state.first_open_transaction(), std::nullopt);
  EXPECT_EQ(answer(state, {.sequence = 2}), "accepted");
}

TEST(producer_state_test, idle_producer_expires_by_when_it_appended_and_not_by_its_records_timestamps) {
  producer_state state;
  auto copied = make({.producer = 1});
  copied.max_timestamp = model::timestamp(1'000);
  auto ahead = make({.producer = 2});
  ahead.max_timestamp = model::timestamp(now * 2);
  state.record(copied, now);
  state.record(ahead, now);
  EXPECT_EQ(state.expire(now + 999, 1'000), 0U);
  EXPECT_EQ(state.expire(now + 1'000, 1'000), 2U);
  EXPECT_EQ(state.size(), 0U);
  EXPECT_EQ(answer(state, {.producer = 1, .sequence = 9}), "accepted");
}

TEST(producer_state_test, producer_with_an_open_transaction_does_not_expire) {
  producer_state state;
  state.record(make({.kind = content::transactional}), now);
  EXPECT_EQ(state.expire(now * 2, 1), 0U);
}

TEST(producer_state_test, replayed_batch_counts_as_used_at_its_timestamp_but_never_in_the_future) {
  producer_state state;
  auto old = make({.producer = 1});
  old.max_timestamp = model::timestamp(now - 5'000);
  auto ahead = make({.producer = 2});
  ahead.max_timestamp = model::timestamp(now * 2);
  auto without = make({.producer = 3});
  without.max_timestamp = model::no_timestamp;
  for (const auto& batch : {old, ahead, without}) state.record_replayed(batch, now);
  EXPECT_EQ(state.expire(now, 5'000), 1U);
  EXPECT_EQ(state.size(), 2U);
  EXPECT_EQ(state.expire(now + 5'000, 5'000), 2U);
}

TEST(producer_state_test, snapshot_keeps_the_last_batch_and_the_rest_of_a_producer) {
  producer_state state;
  state.record(make({.producer = 9, .epoch = 2, .sequence = 0, .records = 2, .offset = 10}), now);
  state.record(make({.producer = 9, .epoch = 2, .sequence = 2, .records = 3, .offset = 12}), now);
  auto marker =
      make({.producer = 3, .epoch = 4, .sequence = -1, .offset = 15, .kind = content::end_of_transaction});
  marker.coordinator_epoch = 6;
  state.record(marker, now);
  const auto entries = state.snapshot();
  ASSERT_EQ(entries.size(), 2U);
  const producer_snapshot_entry without_batch{model::producer_id(3),
                                              model::producer_epoch(4),
                                              model::no_sequence,
                                              model::no_offset,
                                              0,
                                              model::timestamp(now + 15),
                                              6,
                                              model::no_offset};
  const producer_snapshot_entry with_batch{model::producer_id(9),
                                           model::producer_epoch(2),
                                           model::sequence(4),
                                           model::offset(14),
                                           2,
                                           model::timestamp(now + 12),
                                           -1,
                                           model::no_offset};
  EXPECT_EQ(entries[0], without_batch);
  EXPECT_EQ(entries[1], with_batch);

  producer_state loaded;
  loaded.load(entries, now + 60'000);
  EXPECT_EQ(loaded.snapshot(), entries);
  EXPECT_EQ(answer(loaded, {.producer = 9, .epoch = 2, .sequence = 2, .records = 3}), "duplicate of 12..14");
  EXPECT_EQ(answer(loaded, {.producer = 9, .epoch = 2, .sequence = 5}), "accepted");
}

TEST(producer_state_test, snapshot_with_impossible_values_is_loaded_without_harm) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  const producer_snapshot_entry wild{model::producer_id(1),
                                     model::producer_epoch(-5),
                                     model::sequence(3),
                                     model::offset(least),
                                     -9,
                                     model::timestamp(least),
                                     -3,
                                     model::no_offset};
  producer_state state;
  state.load(std::vector{wild}, now);
  EXPECT_EQ(state.expire(now, 1'000), 0U);
  EXPECT_EQ(answer(state, {.producer = 1, .sequence = 0}), "accepted");
}

TEST(producer_state_test, describe_lists_producers_by_id) {
  producer_state state;
  state.record(make({.producer = 5, .epoch = 1, .sequence = 0, .offset = 2}), now);
  state.record(make({.producer = 4, .sequence = 8, .offset = 3, .kind = content::transactional}), now);
  const auto listed = state.describe();
  ASSERT_EQ(listed.size(), 2U);
  const producer_description first{
      model::producer_id(4), model::producer_epoch(0), model::sequence(8), model::timestamp(now + 3), -1,
      model::offset(3)};
  EXPECT_EQ(listed[0], first);
  EXPECT_EQ(listed[1].producer, model::producer_id(5));
  EXPECT_EQ(listed[1].current_txn_first_offset, model::no_offset);
}

TEST(producer_state_test, window_lost_by_a_restart_is_refilled_from_the_log) {
  producer_state state;
  state.load(after_batches(7).snapshot(), now);
  const auto duplicate = batch_plan{.sequence = 4};
  EXPECT_EQ(answer(state, duplicate), message_of(errc::out_of_order_sequence));
  ASSERT_EQ(state.refill_before(make(duplicate)), model::offset(6));

  const std::vector later{make({.sequence = 4, .offset = 4}),
                          make({.producer = 8, .sequence = 0, .offset = 5}),
                          make({.sequence = 5, .offset = 5}), make({.sequence = 6, .offset = 6})};
  EXPECT_EQ(state.refill(model::producer_id(7), later), producer_state::refill_outcome::more_wanted);
  EXPECT_EQ(answer(state, duplicate), "duplicate of 4..4");
  const std::vector earlier{make({.sequence = 0, .offset = 0}), make({.sequence = 1, .offset = 1}),
                            make({.sequence = 2, .offset = 2}), make({.sequence = 3, .offset = 3})};
  EXPECT_EQ(state.refill(model::producer_id(7), earlier), producer_state::refill_outcome::complete);
  EXPECT_EQ(answer(state, {.sequence = 2}), "duplicate of 2..2");
  EXPECT_EQ(answer(state, {.sequence = 1}), message_of(errc::out_of_order_sequence));
  EXPECT_EQ(state.refill_before(make({.sequence = 1})), std::nullopt);
  EXPECT_EQ(answer(state, {.sequence = 7}), "accepted");
}

TEST(producer_state_test, refill_is_wanted_only_for_what_may_lie_before_the_window) {
  producer_state state;
  EXPECT_EQ(state.refill_before(make({.sequence = 1})), std::nullopt);
  state.load(after_batches(3).snapshot(), now);
  EXPECT_EQ(state.refill_before(make({.sequence = 5})), std::nullopt);
  EXPECT_EQ(state.refill_before(make({.epoch = 1, .sequence = 1})), std::nullopt);
  EXPECT_EQ(state.refill_before(make({.producer = 8, .sequence = 1})), std::nullopt);
  EXPECT_NE(state.refill_before(make({.sequence = 1})), std::nullopt);
  // Across the wrap.
  EXPECT_NE(state.refill_before(make({.sequence = last_of_all})), std::nullopt);
}

TEST(producer_state_test, window_without_gaps_is_never_refilled) {
  EXPECT_EQ(after_batches(3).refill_before(make({.sequence = last_of_all})), std::nullopt);
  EXPECT_EQ(after_batches(7).refill_before(make({.sequence = 1})), std::nullopt);
}

TEST(producer_state_test, refill_ends_where_the_epoch_began) {
  producer_state state;
  state.load(after_batches(3).snapshot(), now);
  const std::vector before{make({.sequence = 0, .offset = 0}), make({.sequence = 1, .offset = 1})};
  EXPECT_EQ(state.refill(model::producer_id(7), before), producer_state::refill_outcome::complete);
  EXPECT_EQ(answer(state, {.sequence = 0}), "duplicate of 0..0");
}

TEST(producer_state_test, refill_ends_at_another_epoch_and_where_the_log_begins) {
  producer_state state;
  state.load(after_batches(3).snapshot(), now);
  const std::vector other_epoch{make({.epoch = 5, .sequence = 0, .offset = 0}),
                                make({.sequence = 1, .offset = 1})};
  EXPECT_EQ(state.refill(model::producer_id(7), other_epoch), producer_state::refill_outcome::complete);
  EXPECT_EQ(answer(state, {.sequence = 1}), "duplicate of 1..1");

  state.load(after_batches(3).snapshot(), now);
  EXPECT_EQ(state.refill(model::producer_id(7), {}), producer_state::refill_outcome::complete);
  EXPECT_EQ(state.refill_before(make({.sequence = 1})), std::nullopt);
}

/// Everything that was ever appended, looked through from one end to the other.
class trivial_model {
 public:
  std::string answer(const batch_plan& plan) const {
    const auto found = producers_.find(plan.producer);
    if (found == producers_.end()) return "accepted";
    const auto& [epoch, batches] = found->second;
    if (plan.epoch < epoch) return message_of(errc::invalid_producer_epoch);
    if (plan.epoch > epoch) return plan.sequence == 0 ? "accepted" : message_of(errc::out_of_order_sequence);
    const auto oldest_kept = batches.size() < 5 ? 0 : batches.size() - 5;
    for (auto i = oldest_kept; i < batches.size(); ++i) {
      if (batches[i].sequence == plan.sequence && batches[i].records == plan.records) {
        return fmt::format("duplicate of {}..{}", batches[i].offset, batches[i].offset + plan.records - 1);
      }
    }
    return plan.sequence == next_sequence(plan.producer) ? "accepted"
                                                         : message_of(errc::out_of_order_sequence);
  }
  std::int32_t next_sequence(std::int64_t producer) const {
    const auto& last = producers_.at(producer).batches.back();
    return static_cast<std::int32_t>((std::int64_t{last.sequence} + last.records) %
                                     (std::int64_t{last_of_all} + 1));
  }
  void record(const batch_plan& plan) {
    auto& known = producers_[plan.producer];
    if (known.epoch != plan.epoch) known.batches.clear();
    known.epoch = plan.epoch;
    known.batches.push_back(plan);
  }
  bool knows(std::int64_t producer) const { return producers_.contains(producer); }
  std::int16_t epoch(std::int64_t producer) const { return producers_.at(producer).epoch; }
  const std::vector<batch_plan>& batches(std::int64_t producer) const {
    return producers_.at(producer).batches;
  }

 private:
  struct known_producer {
    std::int16_t epoch = 0;
    std::vector<batch_plan> batches;
  };
  std::map<std::int64_t, known_producer> producers_;
};

/// A batch as a client might send it: the next, an earlier one again, one too far, or of another epoch.
batch_plan next_plan(const trivial_model& model, std::mt19937_64& random) {
  const auto pick = [&](int below) { return static_cast<int>(random() % static_cast<std::uint64_t>(below)); };
  batch_plan plan{.producer = pick(3), .records = 1 + pick(3)};
  if (!model.knows(plan.producer)) {
    plan.sequence = last_of_all - pick(20);
    return plan;
  }
  plan.epoch = model.epoch(plan.producer);
  plan.sequence = model.next_sequence(plan.producer);
  const auto& batches = model.batches(plan.producer);
  switch (pick(8)) {
    case 0:
      plan = batches[random() % batches.size()];
      break;
    case 1:
      plan.sequence = static_cast<std::int32_t>((std::int64_t{plan.sequence} + 1 + pick(3)) & last_of_all);
      break;
    case 2:
      plan.epoch = static_cast<std::int16_t>(plan.epoch + pick(2));
      plan.sequence = pick(2);
      break;
    case 3:
      plan.epoch = static_cast<std::int16_t>(std::max(0, plan.epoch - pick(2)));
      break;
    default:
      break;
  }
  return plan;
}

/// What the log does when a check fails after a restart: give back what is before the window, a few batches at a time.
void refill_from(producer_state& state, const std::vector<batch_plan>& log, const producer_batch& batch) {
  for (auto before = state.refill_before(batch); before; before = state.refill_before(batch)) {
    auto end = log.size();
    while (end > 0 && log[end - 1].offset >= before->value()) --end;
    auto outcome = producer_state::refill_outcome::more_wanted;
    while (end > 0 && outcome == producer_state::refill_outcome::more_wanted) {
      const auto begin = end < 3 ? 0 : end - 3;
      std::vector<producer_batch> stretch;
      for (auto i = begin; i < end; ++i) stretch.push_back(make(log[i]));
      end = begin;
      outcome = state.refill(batch.producer, stretch);
    }
    if (outcome == producer_state::refill_outcome::more_wanted) state.refill(batch.producer, {});
  }
}

TEST(producer_state_test, agrees_with_a_trivial_model_also_across_restarts) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 20; ++round) {
    trivial_model model;
    producer_state state;
    std::vector<batch_plan> log;
    std::int64_t end = 0;
    for (int step = 0; step < 500; ++step) {
      if (random() % 20 == 0) state.load(state.snapshot(), now);
      auto plan = next_plan(model, random);
      const auto expected = model.answer(plan);
      if (answer(state, plan) != expected) refill_from(state, log, make(plan));
      ASSERT_EQ(answer(state, plan), expected) << "step " << step << " producer " << plan.producer
                                               << " epoch " << plan.epoch << " sequence " << plan.sequence;
      if (expected != "accepted") continue;
      plan.offset = end;
      end += plan.records;
      model.record(plan);
      log.push_back(plan);
      state.record(make(plan), now);
    }
  }
}

}  // namespace
}  // namespace tidelog::storage
