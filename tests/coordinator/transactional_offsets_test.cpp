// Offsets that transactions commit, in the groups of a partition.

#include "coordinator/support_classic_world.hpp"
#include "coordinator/support_group_step.hpp"
#include "group_shard.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tidelog/coordinator/group_error.hpp"

namespace tidelog::coordinator {
namespace {

using test::caught;
using test::fake_topics;
using enum model::transaction_outcome;
using pending = fetch_offsets_request::pending;

class transactional_offsets_test : public testing::Test {
 protected:
  template <class Request, class Answer>
  Answer call(void (group_shard::*event)(group_step&, Request, reply<Answer>), Request request) {
    caught<Answer> answer;
    ((*shard).*event)(step, std::move(request), answer.to());
    step.deliver();
    return answer.answer();
  }
  static transactional_commit_request commit_of(std::int64_t producer, const std::string& group,
                                                std::int64_t offset, std::int32_t index = 0) {
    transactional_commit_request request;
    request.group_id = group;
    request.producer_id = model::producer_id(producer);
    request.producer_epoch = model::producer_epoch(3);
    request.topics = {
        {"t", fake_topics::id_of(1), {{index, {model::offset(offset), model::leader_epoch(2), "m"}}}}};
    return request;
  }
  std::error_code hold(std::int64_t producer, const std::string& group, std::int64_t offset,
                       std::int32_t index = 0) {
    return call(&group_shard::commit_offsets_in_transaction, commit_of(producer, group, offset, index)).error;
  }
  std::error_code commit(const std::string& group, std::int64_t offset, std::int32_t index = 0) {
    commit_request request = commit_of(-1, group, offset, index);
    return call(&group_shard::commit_offsets, std::move(request)).error;
  }
  std::error_code end(std::int64_t producer, model::transaction_outcome outcome) {
    return call(&group_shard::end_transaction,
                {model::producer_id(producer), model::producer_epoch(3), outcome, 0})
        .error;
  }
  static std::string text_of(const fetch_offsets_answer& answer) {
    std::string text;
    for (const auto& topic : answer.topics) {
      for (const auto& [index, value, error] : topic.partitions) {
        text += fmt::format("{}-{}:{}{} ", topic.name, index, value.offset.value(),
                            error == errc::unstable_offset ? "?" : "");
      }
    }
    return text;
  }
  /// "t-0:7 t-1:-1? ", with a question mark where the offset is unstable.
  std::string fetched(const std::string& group, pending transactional,
                      std::optional<std::vector<fetch_offsets_request::topic>> topics = std::nullopt) {
    fetch_offsets_request request;
    request.group_id = group;
    request.transactional = transactional;
    request.topics = std::move(topics);
    return text_of(call(&group_shard::fetch_offsets, std::move(request)));
  }
  /// "committed", with a question mark where a transaction holds it.
  std::string at(const std::string& group, std::int32_t index = 0) {
    const std::vector<fetch_offsets_request::topic> topics{{"t", {index}}};
    const auto any = fetched(group, pending::ignored, topics);
    const auto stable = fetched(group, pending::refused, topics);
    const auto prefix = fmt::format("t-{}:", index).size();
    const bool is_unstable = stable.find('?') != std::string::npos;
    EXPECT_TRUE(is_unstable || any == stable) << any << stable;
    return any.substr(prefix, any.size() - prefix - 1) + (is_unstable ? "?" : "");
  }
  /// A broker that starts goes on from what was written.
  void restart() {
    shard = std::make_unique<group_shard>();
    for (const auto& entry : step.log) {
      if (entry.record) shard->replay(*entry.record, entry.producer);
      if (entry.outcome) shard->replay_end(entry.producer, *entry.outcome);
    }
    shard->loaded(step);
  }
  /// Both with the state as it came about, and with the same read from the log.
  void expect(const std::string& group, const std::string& wanted) {
    EXPECT_EQ(at(group), wanted);
    restart();
    EXPECT_EQ(at(group), wanted) << "after a restart";
  }
  std::string join_alone(const std::string& group) {
    join_request request;
    request.group_id = group;
    request.protocol_type = "consumer";
    request.protocols = {{"range", test::subscription_to({"other"})}};
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 60'000;
    request.without_member_id = first_join::counts;
    caught<join_answer> joined;
    shard->join(step, request, joined.to());
    step.pass(step.config.initial_rebalance_delay_ms);
    shard->advance(step);
    step.deliver();
    return joined.answer().member_id;
  }

  test::fake_group_step step;
  std::unique_ptr<group_shard> shard = std::make_unique<group_shard>();
};

TEST_F(transactional_offsets_test, are_not_seen_before_their_transaction_is_committed) {
  ASSERT_FALSE(commit("g", 4));
  ASSERT_FALSE(hold(7, "g", 5));
  expect("g", "4?");
  ASSERT_FALSE(end(7, committed));
  expect("g", "5");
}

TEST_F(transactional_offsets_test, are_dropped_when_their_transaction_is_aborted) {
  ASSERT_FALSE(commit("g", 4));
  ASSERT_FALSE(hold(7, "g", 5));
  ASSERT_FALSE(end(7, aborted));
  expect("g", "4");
  ASSERT_FALSE(end(7, committed));
  expect("g", "4");
}

TEST_F(transactional_offsets_test, are_written_as_the_producers_and_kept_with_all_that_was_said) {
  ASSERT_FALSE(hold(7, "g", 5));
  ASSERT_EQ(step.log.size(), 1U);
  EXPECT_EQ(step.log[0].producer, model::producer_id(7));
  ASSERT_FALSE(end(7, committed));
  fetch_offsets_request request;
  request.group_id = "g";
  const auto got = call(&group_shard::fetch_offsets, std::move(request)).topics.at(0).partitions.at(0);
  EXPECT_EQ(got.value.metadata, "m");
  EXPECT_EQ(got.value.leader_epoch, model::leader_epoch(2));
}

TEST_F(transactional_offsets_test, one_transaction_reaches_several_groups_and_touches_no_other) {
  ASSERT_FALSE(hold(7, "a", 1));
  ASSERT_FALSE(hold(7, "b", 2));
  ASSERT_FALSE(hold(8, "b", 3, 1));
  ASSERT_FALSE(end(7, committed));
  EXPECT_EQ(at("a"), "1");
  EXPECT_EQ(at("b"), "2");
  EXPECT_EQ(at("b", 1), "-1?");
}

TEST_F(transactional_offsets_test, the_last_of_a_transaction_counts) {
  ASSERT_FALSE(hold(7, "g", 5));
  ASSERT_FALSE(hold(7, "g", 6));
  ASSERT_FALSE(end(7, committed));
  expect("g", "6");
}

TEST_F(transactional_offsets_test, a_later_plain_commit_wins_over_an_earlier_one_in_a_transaction) {
  ASSERT_FALSE(hold(7, "g", 5));
  ASSERT_FALSE(commit("g", 9));
  expect("g", "9?");
  ASSERT_FALSE(end(7, committed));
  expect("g", "9");
  ASSERT_FALSE(hold(7, "g", 5));
  ASSERT_FALSE(commit("g", 9));
  ASSERT_FALSE(hold(7, "g", 6));
  ASSERT_FALSE(end(7, committed));
  expect("g", "6");
}

TEST_F(transactional_offsets_test, the_later_record_wins_whichever_transaction_ends_last) {
  ASSERT_FALSE(hold(7, "g", 5));
  ASSERT_FALSE(hold(8, "g", 6));
  ASSERT_FALSE(end(8, committed));
  expect("g", "6?");
  ASSERT_FALSE(end(7, committed));
  expect("g", "6");
  ASSERT_FALSE(hold(7, "g", 7));
  ASSERT_FALSE(hold(8, "g", 8));
  ASSERT_FALSE(end(7, committed));
  expect("g", "7?");
  ASSERT_FALSE(end(8, committed));
  expect("g", "8");
  ASSERT_FALSE(hold(7, "g", 9));
  ASSERT_FALSE(hold(8, "g", 10));
  ASSERT_FALSE(end(8, aborted));
  ASSERT_FALSE(end(7, committed));
  expect("g", "9");
}

TEST_F(transactional_offsets_test,
       of_all_topics_what_is_held_is_unstable_or_left_out_where_nothing_is_committed) {
  ASSERT_FALSE(commit("g", 1, 0));
  ASSERT_FALSE(commit("g", 2, 1));
  ASSERT_FALSE(hold(7, "g", 3, 1));
  ASSERT_FALSE(hold(7, "g", 4, 2));
  EXPECT_EQ(fetched("g", pending::ignored), "t-0:1 t-1:2 ");
  EXPECT_EQ(fetched("g", pending::refused), "t-0:1 t-1:-1? ");
  EXPECT_EQ(fetched("g", pending::refused, {{{"t", {2, 0, 1}}}}), "t-2:-1? t-0:1 t-1:-1? ");
}

TEST_F(transactional_offsets_test, a_refused_write_changes_nothing) {
  step.refusal = errc::not_available;
  EXPECT_EQ(hold(7, "g", 5), errc::not_available);
  EXPECT_EQ(shard->group_count(), 0U);
  step.refusal.clear();
  ASSERT_FALSE(hold(7, "g", 5));
  step.refusal = errc::not_available;
  EXPECT_EQ(end(7, committed), errc::not_available);
  step.refusal.clear();
  EXPECT_EQ(at("g"), "-1?");
  ASSERT_FALSE(end(7, committed));
  EXPECT_EQ(at("g"), "5");
}

TEST_F(transactional_offsets_test, metadata_that_is_too_large_is_refused_alone) {
  auto request = commit_of(7, "g", 5);
  request.topics[0].partitions.push_back(
      {1, {model::offset(6), model::no_leader_epoch, std::string(4'097, 'x')}});
  const auto answer = call(&group_shard::commit_offsets_in_transaction, std::move(request));
  EXPECT_FALSE(answer.error);
  EXPECT_FALSE(answer.topics[0].partitions[0].error);
  EXPECT_EQ(answer.topics[0].partitions[1].error, errc::metadata_too_large);
  EXPECT_EQ(fetched("g", pending::refused, {{{"t", {0, 1}}}}), "t-0:-1? t-1:-1 ");
}

TEST_F(transactional_offsets_test, who_names_a_generation_must_be_in_a_group) {
  auto request = commit_of(7, "g", 5);
  request.generation_or_epoch = 1;
  request.member_id = "m";
  EXPECT_EQ(call(&group_shard::commit_offsets_in_transaction, request).error, errc::group_not_found);
  EXPECT_EQ(shard->group_count(), 0U);
  ASSERT_FALSE(commit("g", 1));
  EXPECT_EQ(call(&group_shard::commit_offsets_in_transaction, request).error, errc::unknown_member);
  const auto member = join_alone("g");
  request.member_id = member;
  EXPECT_FALSE(call(&group_shard::commit_offsets_in_transaction, request).error)
      << "while the leader assigns";
  EXPECT_FALSE(hold(7, "g", 6)) << "names nobody";
  request.generation_or_epoch = 2;
  EXPECT_EQ(call(&group_shard::commit_offsets_in_transaction, request).error, errc::illegal_generation);
}

TEST_F(transactional_offsets_test, a_transaction_that_holds_nothing_is_ended_in_the_log_too) {
  ASSERT_FALSE(end(7, committed));
  ASSERT_EQ(step.log.size(), 1U);
  EXPECT_EQ(step.log[0].outcome, committed);
  EXPECT_EQ(shard->group_count(), 0U);
}

TEST_F(transactional_offsets_test, who_is_no_producer_has_no_transaction) {
  EXPECT_EQ(hold(-1, "g", 5), errc::invalid_request);
  EXPECT_EQ(end(-1, committed), errc::invalid_request);
  EXPECT_TRUE(step.log.empty());
  EXPECT_EQ(shard->group_count(), 0U);
}

TEST_F(transactional_offsets_test, the_end_is_answered_when_it_is_durable) {
  step.not_durable = errc::not_coordinator;
  EXPECT_EQ(end(7, committed), errc::not_coordinator);
}

TEST_F(transactional_offsets_test, a_group_goes_with_the_last_that_a_transaction_held) {
  ASSERT_FALSE(hold(7, "g", 5));
  EXPECT_EQ(shard->group_count(), 1U);
  ASSERT_FALSE(end(7, aborted));
  EXPECT_EQ(shard->group_count(), 0U);
}

TEST_F(transactional_offsets_test, what_is_held_does_not_expire_and_keeps_its_group) {
  ASSERT_FALSE(commit("g", 1, 0));
  ASSERT_FALSE(commit("g", 2, 1));
  ASSERT_FALSE(hold(7, "g", 3, 1));
  ASSERT_FALSE(hold(7, "only-held", 4));
  step.pass(2 * step.config.offsets_retention_ms);
  shard->expire_offsets(step);
  EXPECT_EQ(at("g", 0), "-1");
  EXPECT_EQ(at("g", 1), "2?");
  EXPECT_EQ(at("only-held"), "-1?");
  EXPECT_EQ(shard->group_count(), 2U);
  ASSERT_FALSE(end(7, aborted));
  shard->expire_offsets(step);
  EXPECT_EQ(shard->group_count(), 0U);
}

TEST_F(transactional_offsets_test, an_empty_group_of_either_kind_is_kept_by_what_is_held) {
  const auto member = join_alone("g");
  ASSERT_FALSE(hold(7, "g", 5));
  ASSERT_FALSE(call(&group_shard::leave, leave_request{"g", {{member, std::nullopt, ""}}}).error);
  step.pass(2 * step.config.offsets_retention_ms);
  static_cast<void>(step.take_written());
  shard->expire_offsets(step);
  EXPECT_TRUE(step.written.empty()) << "the group's record stays";
  EXPECT_EQ(shard->group_count(), 1U);
}

TEST_F(transactional_offsets_test, deletion_of_offsets_takes_what_is_held_along) {
  ASSERT_FALSE(commit("g", 1, 0));
  ASSERT_FALSE(hold(7, "g", 2, 0));
  ASSERT_FALSE(hold(8, "g", 3, 0));
  ASSERT_FALSE(hold(7, "g", 4, 1));
  ASSERT_FALSE(hold(7, "g", 5, 2));
  ASSERT_FALSE(call(&group_shard::delete_offsets, delete_offsets_request{"g", {{"t", {0, 1}}}}).error);
  EXPECT_EQ(fetched("g", pending::refused, {{{"t", {0, 1, 2}}}}), "t-0:-1 t-1:-1 t-2:-1? ");
  restart();
  EXPECT_EQ(fetched("g", pending::refused, {{{"t", {0, 1, 2}}}}), "t-0:-1 t-1:-1 t-2:-1? ");
  ASSERT_FALSE(end(7, committed));
  ASSERT_FALSE(end(8, committed));
  expect("g", "-1");
  EXPECT_EQ(fetched("g", pending::refused), "t-2:5 ");
}

TEST_F(transactional_offsets_test, what_is_held_again_after_a_deletion_counts) {
  ASSERT_FALSE(hold(7, "g", 1));
  ASSERT_FALSE(call(&group_shard::delete_group, std::string("g")).error);
  EXPECT_EQ(shard->group_count(), 0U);
  ASSERT_FALSE(hold(7, "g", 2));
  expect("g", "-1?");
  ASSERT_FALSE(end(7, committed));
  expect("g", "2");
}

TEST_F(transactional_offsets_test, a_deleted_group_takes_what_is_held_along) {
  ASSERT_FALSE(commit("g", 1, 0));
  ASSERT_FALSE(hold(7, "g", 2, 0));
  ASSERT_FALSE(hold(7, "g", 3, 1));
  step.refusal = errc::not_available;
  EXPECT_EQ(call(&group_shard::delete_group, std::string("g")).error, errc::not_available);
  step.refusal.clear();
  static_cast<void>(step.take_written());
  ASSERT_FALSE(call(&group_shard::delete_group, std::string("g")).error);
  EXPECT_EQ(step.written.size(), 2U) << "each place once";
  EXPECT_EQ(shard->group_count(), 0U);
  ASSERT_FALSE(end(7, committed));
  EXPECT_EQ(shard->group_count(), 0U);
  restart();
  EXPECT_EQ(shard->group_count(), 0U);
}

TEST_F(transactional_offsets_test, a_deleted_topic_takes_what_is_held_along_and_not_its_successors) {
  ASSERT_FALSE(commit("g", 1, 0));
  ASSERT_FALSE(hold(7, "g", 2, 0));
  ASSERT_FALSE(hold(7, "g", 3, 1));
  shard->forget_topics(step, {{"t", fake_topics::id_of(2)}, {"s", {}}, {"u", {}}});
  EXPECT_EQ(fetched("g", pending::refused, {{{"t", {0, 1}}}}), "t-0:-1? t-1:-1? ");
  static_cast<void>(step.take_written());
  shard->forget_topics(step, {{"t", fake_topics::id_of(1)}});
  EXPECT_EQ(step.written.size(), 2U) << "each place once";
  EXPECT_EQ(shard->group_count(), 0U);
  ASSERT_FALSE(end(7, committed));
  EXPECT_EQ(shard->group_count(), 0U);
}

TEST_F(transactional_offsets_test, what_a_transaction_holds_is_no_committed_offset_to_a_scraper) {
  ASSERT_FALSE(commit("g", 1, 0));
  ASSERT_FALSE(hold(7, "g", 2, 1));
  EXPECT_EQ(shard->counts().offsets, 1U);
  EXPECT_EQ(shard->activity().commits, 2U);
  ASSERT_FALSE(end(7, committed));
  EXPECT_EQ(shard->counts().offsets, 2U);
}

TEST_F(transactional_offsets_test, nothing_is_held_any_more_when_the_groups_are_given_up) {
  ASSERT_FALSE(hold(7, "g", 2));
  shard->give_up(step, errc::not_coordinator);
  EXPECT_EQ(shard->group_count(), 0U);
  EXPECT_TRUE(shard->replay_end(model::producer_id(7), committed).empty());
}

}  // namespace
}  // namespace tidelog::coordinator
