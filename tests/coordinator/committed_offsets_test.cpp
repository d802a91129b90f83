#include "committed_offsets.hpp"

#include "coordinator/support_group_step.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/coordinator/group_error.hpp"

#include <malloc.h>
#include <map>
#include <random>

namespace tidelog::test {
namespace {

using coordinator::commit_answer;
using coordinator::commit_request;
using coordinator::committed_offsets;
using coordinator::errc;
using coordinator::fetch_offsets_answer;
using coordinator::offset_expiry;

constexpr std::int64_t retention_ms = 10'080LL * 60 * 1000;

struct offsets_world {
  fake_group_step step;
  committed_offsets offsets{"g"};

  static commit_request of(const std::string& topic, std::int32_t index, std::int64_t offset,
                           std::string metadata = "") {
    commit_request made;
    made.group_id = "g";
    commit_request::partition partition;
    partition.index = index;
    partition.value = {model::offset(offset), model::leader_epoch(3), std::move(metadata)};
    made.topics.push_back({topic, {}, {partition}});
    return made;
  }
  commit_answer commit(const commit_request& request) {
    caught<commit_answer> got;
    offsets.commit(step, request, got.to());
    step.deliver();
    return got.answer();
  }
  coordinator::delete_offsets_answer remove(
      const coordinator::delete_offsets_request& request,
      const std::function<bool(const std::string&)>& is_subscribed = {}) {
    caught<coordinator::delete_offsets_answer> got;
    offsets.remove(step, request, is_subscribed, got.to());
    step.deliver();
    return got.answer();
  }
  [[nodiscard]] std::int64_t offset_of(const std::string& topic, std::int32_t index) const {
    coordinator::fetch_offsets_request request;
    request.topics = {{topic, {index}}};
    return offsets.fetch(request).topics.at(0).partitions.at(0).value.offset.value();
  }
  std::size_t expire(const offset_expiry& expiry = {}) {
    const auto count = offsets.expire(step, expiry);
    EXPECT_TRUE(count);
    return count.value_or(0);
  }
  /// What a broker that starts finds.
  [[nodiscard]] fetch_offsets_answer restored() const {
    committed_offsets again("g");
    for (const auto& record : step.written)
      again.replay(std::get<coordinator::offset_commit_record>(record), model::no_producer_id);
    return again.fetch({});
  }
};

std::string text_of(const fetch_offsets_answer& answer) {
  std::string text;
  for (const auto& topic : answer.topics) {
    for (const auto& partition : topic.partitions) {
      text += fmt::format("{}-{}:{}/{}/{} ", topic.name, partition.index, partition.value.offset.value(),
                          partition.value.leader_epoch.value(), partition.value.metadata);
    }
  }
  return text;
}

TEST(committed_offsets, commit_comes_back_with_epoch_and_metadata) {
  offsets_world world;
  EXPECT_FALSE(world.commit(world.of("t", 1, 42, "märchen")).error);
  coordinator::fetch_offsets_request request;
  request.topics = {{"t", {0, 1}}, {"u", {0}}};
  EXPECT_EQ(text_of(world.offsets.fetch(request)), "t-0:-1/-1/ t-1:42/3/märchen u-0:-1/-1/ ");
  EXPECT_EQ(text_of(world.offsets.fetch({})), "t-1:42/3/märchen ");
  EXPECT_EQ(text_of(world.restored()), "t-1:42/3/märchen ");
}

TEST(committed_offsets, metadata_that_is_too_large_is_refused_alone) {
  offsets_world world;
  auto request = world.of("t", 0, 1, std::string(4'097, 'x'));
  request.topics[0].partitions.push_back(
      world.of("t", 1, 2, std::string(4'096, 'x')).topics[0].partitions[0]);
  const auto told = world.commit(request);
  EXPECT_FALSE(told.error);
  EXPECT_EQ(told.topics[0].partitions[0].error, errc::metadata_too_large);
  EXPECT_FALSE(told.topics[0].partitions[1].error);
  EXPECT_EQ(world.offset_of("t", 0), -1);
  EXPECT_EQ(world.offset_of("t", 1), 2);
}

TEST(committed_offsets, metadata_is_counted_in_utf16_units) {
  offsets_world world;
  world.step.config.offset_metadata_max_bytes = 2;
  EXPECT_FALSE(world.commit(world.of("t", 0, 1, "äö")).topics[0].partitions[0].error);
  EXPECT_FALSE(world.commit(world.of("t", 0, 1, "🌊")).topics[0].partitions[0].error);
  EXPECT_TRUE(world.commit(world.of("t", 0, 1, "🌊a")).topics[0].partitions[0].error);
}

TEST(committed_offsets, refused_write_changes_nothing) {
  offsets_world world;
  static_cast<void>(world.commit(world.of("t", 0, 1)));
  world.step.refusal = make_error_code(errc::commit_too_large);
  EXPECT_EQ(world.commit(world.of("t", 0, 2)).error, errc::commit_too_large);
  EXPECT_EQ(world.remove({"g", {{"t", {0}}}}).error, errc::commit_too_large);
  EXPECT_EQ(world.offsets.remove_all(world.step), errc::commit_too_large);
  world.step.pass(retention_ms);
  EXPECT_FALSE(world.offsets.expire(world.step, {}));
  EXPECT_EQ(world.offset_of("t", 0), 1);
}

TEST(committed_offsets, subscribed_topics_are_not_deleted_and_what_is_absent_is_as_good_as_deleted) {
  offsets_world world;
  static_cast<void>(world.commit(world.of("t", 0, 1)));
  static_cast<void>(world.commit(world.of("u", 0, 1)));
  const auto told =
      world.remove({"g", {{"t", {0}}, {"u", {0, 7}}}}, [](const std::string& topic) { return topic == "t"; });
  EXPECT_EQ(told.topics[0].partitions[0].error, errc::subscribed_to_topic);
  EXPECT_FALSE(told.topics[1].partitions[0].error);
  EXPECT_FALSE(told.topics[1].partitions[1].error);
  EXPECT_EQ(text_of(world.offsets.fetch({})), "t-0:1/3/ ");
  EXPECT_EQ(text_of(world.restored()), "t-0:1/3/ ");
}

TEST(committed_offsets, offsets_of_a_deleted_topic_go_and_those_of_its_successor_stay) {
  offsets_world world;
  auto request = world.of("t", 0, 1);
  request.topics[0].topic_id = fake_topics::id_of(1);
  static_cast<void>(world.commit(request));
  EXPECT_FALSE(world.offsets.remove_topic(world.step, "t", fake_topics::id_of(2)));
  EXPECT_EQ(world.offsets.size(), 1U);
  EXPECT_FALSE(world.offsets.remove_topic(world.step, "t", fake_topics::id_of(1)));
  EXPECT_TRUE(world.offsets.empty());
  EXPECT_TRUE(world.restored().topics.empty());
}

TEST(committed_offsets, offsets_without_members_expire_after_their_commit) {
  offsets_world world;
  static_cast<void>(world.commit(world.of("t", 0, 1)));
  world.step.pass(1'000);
  static_cast<void>(world.commit(world.of("t", 1, 1)));
  world.step.pass(retention_ms - 1'001);
  EXPECT_EQ(world.expire(), 0U);
  world.step.pass(1);
  EXPECT_EQ(world.expire(), 1U);
  EXPECT_EQ(world.offset_of("t", 0), -1);
  EXPECT_EQ(world.offset_of("t", 1), 1);
  EXPECT_EQ(text_of(world.restored()), "t-1:1/3/ ");
}

TEST(committed_offsets, offsets_of_an_empty_group_expire_since_it_is_empty) {
  offsets_world world;
  static_cast<void>(world.commit(world.of("t", 0, 1)));
  world.step.pass(retention_ms);
  const offset_expiry expiry{world.step.unix_now, {}};
  EXPECT_EQ(world.expire(expiry), 0U);
  world.step.pass(retention_ms - 1);
  EXPECT_EQ(world.expire(expiry), 0U);
  world.step.pass(1);
  EXPECT_EQ(world.expire(expiry), 1U);
}

TEST(committed_offsets, topics_that_are_read_do_not_expire) {
  offsets_world world;
  static_cast<void>(world.commit(world.of("t", 0, 1)));
  static_cast<void>(world.commit(world.of("u", 0, 1)));
  world.step.pass(retention_ms);
  EXPECT_EQ(world.expire({std::nullopt, [](const std::string& topic) { return topic == "t"; }}), 1U);
  EXPECT_EQ(world.offset_of("t", 0), 1);
}

TEST(committed_offsets, commit_with_a_retention_of_its_own_expires_then) {
  offsets_world world;
  auto request = world.of("t", 0, 1);
  request.retention_ms = 5'000;
  static_cast<void>(world.commit(request));
  EXPECT_EQ(std::get<coordinator::offset_commit_record>(world.step.written[0]).value->expire_timestamp,
            world.step.unix_now + 5'000);
  world.step.pass(4'999);
  EXPECT_EQ(world.expire({world.step.unix_now, {}}), 0U);
  world.step.pass(1);
  EXPECT_EQ(world.expire({world.step.unix_now, {}}), 1U);
}

TEST(committed_offsets, many_offsets_are_removed_in_several_batches) {
  offsets_world world;
  for (int i = 0; i < 2'500; ++i)
    static_cast<void>(world.commit(world.of("t" + std::to_string(i % 3), i, i)));
  world.step.writes = 0;
  EXPECT_FALSE(world.offsets.remove_all(world.step));
  EXPECT_EQ(world.step.writes, 3);
  EXPECT_TRUE(world.offsets.empty());
  EXPECT_TRUE(world.restored().topics.empty());
}

TEST(committed_offsets, random_commits_and_removals_are_as_a_plain_map_has_them) {
  std::mt19937_64 random(random_seed());
  offsets_world world;
  std::map<std::pair<std::string, std::int32_t>, std::int64_t> model;
  for (int i = 0; i < 5'000; ++i) {
    const auto topic = "t" + std::to_string(random() % 5);
    const auto index = static_cast<std::int32_t>(random() % 40);
    world.step.refusal = random() % 10 == 0 ? make_error_code(errc::not_available) : std::error_code();
    if (random() % 3 != 0) {
      const auto offset = static_cast<std::int64_t>(random() % 1'000'000);
      if (!world.commit(world.of(topic, index, offset, random() % 4 == 0 ? "m" : "")).error)
        model[{topic, index}] = offset;
    } else if (!world.remove({"g", {{topic, {index}}}}).error) {
      model.erase({topic, index});
    }
    ASSERT_EQ(world.offsets.size(), model.size());
    ASSERT_EQ(world.offset_of(topic, index), model.contains({topic, index}) ? (model[{topic, index}]) : -1);
  }
  EXPECT_EQ(text_of(world.restored()), text_of(world.offsets.fetch({})));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(committed_offsets, offset_takes_no_more_than_150_bytes) {
  constexpr int topics = 1'000;
  constexpr int partitions = 100;
  const auto before = mallinfo2().uordblks;
  committed_offsets offsets("g");
  for (int topic = 0; topic < topics; ++topic) {
    for (int index = 0; index < partitions; ++index) {
      coordinator::offset_commit_record record{
          {"g", "some-topic-of-usual-length-" + std::to_string(topic), index},
          coordinator::offset_commit_value{}};
      offsets.replay(record, model::no_producer_id);
    }
  }
  const auto taken = mallinfo2().uordblks - before;
  EXPECT_EQ(offsets.size(), static_cast<std::size_t>(topics * partitions));
  EXPECT_LE(taken / (topics * partitions), 150U);
}
#endif

}  // namespace
}  // namespace tidelog::test
