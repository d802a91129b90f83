// Random commits, plain and in transactions, ends of transactions, deletions and restarts. What a fetch must answer is
// said by a model that knows nothing of how it is done: of all records that were written to a place since it was last
// emptied, the latest that counts.

#include "coordinator/support_group_step.hpp"
#include "coordinator/support_groups_world.hpp"
#include "support/random_seed.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

namespace tidelog::test {
namespace {

using namespace coordinator;
using pending = fetch_offsets_request::pending;
using outcome = model::transaction_outcome;

constexpr std::int64_t nobody = -1;
constexpr int groups = 3;
constexpr int topics = 2;
constexpr int partitions = 3;
constexpr int producers = 4;

struct place {
  std::string group;
  std::string topic;
  std::int32_t index = 0;
  friend auto operator<=>(const place&, const place&) = default;
};

class offsets_model {
 public:
  void write(const place& at, std::int64_t producer, std::int64_t offset) {
    records_[at].push_back({producer, offset, producer == nobody ? fate::counts : fate::open});
  }
  void end(std::int64_t producer, outcome how) {
    for (auto& [at, all] : records_) {
      for (auto& record : all) {
        if (record.producer != producer || record.is != fate::open) continue;
        record.is = how == outcome::committed ? fate::counts : fate::dropped;
      }
    }
  }
  template <class Condition>
  void empty_where(const Condition& is_met) {
    std::erase_if(records_, [&](const auto& of) { return is_met(of.first); });
  }
  /// -1 where there is none.
  [[nodiscard]] std::int64_t committed(const place& at) const {
    std::int64_t last = -1;
    for (const auto& record : records_of(at)) {
      if (record.is == fate::counts) last = record.offset;
    }
    return last;
  }
  [[nodiscard]] bool is_held(const place& at) const {
    const auto all = records_of(at);
    return std::any_of(all.begin(), all.end(), [](const auto& record) { return record.is == fate::open; });
  }

 private:
  enum class fate { open, counts, dropped };
  struct written {
    std::int64_t producer;
    std::int64_t offset;
    fate is;
  };
  [[nodiscard]] std::vector<written> records_of(const place& at) const {
    const auto found = records_.find(at);
    return found == records_.end() ? std::vector<written>() : found->second;
  }
  std::map<place, std::vector<written>> records_;
};

/// Groups without a log: what they write is kept, and read again by a restart.
class machine_world {
 public:
  template <class Request, class Answer>
  Answer call(void (group_shard::*event)(group_step&, Request, reply<Answer>), Request request) {
    caught<Answer> answer;
    ((*shard_).*event)(step_, std::move(request), answer.to());
    step_.deliver();
    return answer.answer();
  }
  void forget_topic(const std::string& topic) { shard_->forget_topics(step_, {{topic, {}}}); }
  void restart() {
    shard_ = std::make_unique<group_shard>();
    for (const auto& entry : step_.log) {
      if (entry.record) shard_->replay(*entry.record, entry.producer);
      if (entry.outcome) shard_->replay_end(entry.producer, *entry.outcome);
    }
    shard_->loaded(step_);
  }
  void refuse_writes(bool refused) {
    step_.refusal = refused ? make_error_code(errc::not_available) : std::error_code();
  }
  [[nodiscard]] std::size_t group_count() { return shard_->group_count(); }

 private:
  fake_group_step step_;
  std::unique_ptr<group_shard> shard_ = std::make_unique<group_shard>();
};

/// Groups in the partition of a broker.
class log_world {
 public:
  log_world() { start(); }
  template <class Request, class Answer>
  Answer call(void (group_shard::*event)(group_step&, Request, reply<Answer>), Request request) {
    return run_->call(event, std::move(request));
  }
  void forget_topic(const std::string& topic) { run_->groups().forget_topics({{topic, {}}}); }
  void restart() {
    run_->broker().stop_cleanly();
    run_.reset();
    start();
  }
  void refuse_writes(bool refused) {
    files_.clear_faults();
    if (!refused) return;
    files_.inject(
        {.what = operation::write, .error_number = ENOSPC, .path_contains = ".log", .times = for_ever});
  }
  [[nodiscard]] std::size_t group_count() {
    std::vector<group_listing> all;
    EXPECT_FALSE(run_->groups().list(all));
    return all.size();
  }

 private:
  void start() {
    run_ = std::make_unique<groups_run>(files_);
    ASSERT_TRUE(run_->load());
  }
  fault_file_system files_;
  std::unique_ptr<groups_run> run_;
};

template <class World>
class random_run {
 public:
  explicit random_run(std::uint64_t seed) : random_(seed) {}

  void take_step() {
    const bool is_refused = below(12) == 0;
    world_.refuse_writes(is_refused);
    const auto what = below(100);
    if (what < 25) {
      commit(nobody, is_refused);
    } else if (what < 65) {
      commit(static_cast<std::int64_t>(below(producers)), is_refused);
    } else if (what < 85) {
      end(is_refused);
    } else if (what < 92) {
      delete_offset(is_refused);
    } else if (what < 96) {
      delete_group(is_refused);
    } else {
      const auto topic = any_topic();
      world_.forget_topic(topic);
      if (!is_refused) model_.empty_where([&](const place& at) { return at.topic == topic; });
    }
    world_.refuse_writes(false);
  }
  void restart() { world_.restart(); }

  void check() {
    std::size_t groups_there = 0;
    for (int i = 0; i < groups; ++i) {
      const auto group = "g" + std::to_string(i);
      const auto places = places_of(group);
      const bool is_there = std::any_of(places.begin(), places.end(), [&](const place& at) {
        return model_.committed(at) >= 0 || model_.is_held(at);
      });
      if (is_there) ++groups_there;
      for (const auto transactional : {pending::ignored, pending::refused}) {
        ASSERT_EQ(fetched(group, transactional, true), expected(group, transactional, true));
        ASSERT_EQ(fetched(group, transactional, false), expected(group, transactional, false));
      }
    }
    ASSERT_EQ(world_.group_count(), groups_there);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::string any_group() { return "g" + std::to_string(below(groups)); }
  std::string any_topic() { return "t" + std::to_string(below(topics)); }
  place any_place() { return {any_group(), any_topic(), static_cast<std::int32_t>(below(partitions))}; }
  static std::vector<place> places_of(const std::string& group) {
    std::vector<place> all;
    for (int topic = 0; topic < topics; ++topic) {
      for (int index = 0; index < partitions; ++index)
        all.push_back({group, "t" + std::to_string(topic), index});
    }
    return all;
  }

  void commit(std::int64_t producer, bool is_refused) {
    const auto group = any_group();
    transactional_commit_request request;
    request.group_id = group;
    request.producer_id = model::producer_id(producer);
    request.producer_epoch = model::producer_epoch(0);
    std::vector<std::pair<place, std::int64_t>> written;
    for (auto count = 1 + below(3); count > 0; --count) {
      auto at = any_place();
      at.group = group;
      const auto offset = ++last_offset_;
      request.topics.push_back({at.topic, {}, {{at.index, {model::offset(offset), {}, ""}}}});
      written.emplace_back(at, offset);
    }
    const auto answer = producer == nobody
                            ? world_.call(&group_shard::commit_offsets, commit_request(request))
                            : world_.call(&group_shard::commit_offsets_in_transaction, request);
    ASSERT_EQ(static_cast<bool>(answer.error), is_refused);
    if (is_refused) return;
    for (const auto& [at, offset] : written) model_.write(at, producer, offset);
  }
  void end(bool is_refused) {
    const auto producer = static_cast<std::int64_t>(below(producers));
    const auto how = below(3) == 0 ? outcome::aborted : outcome::committed;
    const auto answer =
        world_.call(&group_shard::end_transaction,
                    model::transaction_end{model::producer_id(producer), model::producer_epoch(0), how, 0});
    ASSERT_EQ(static_cast<bool>(answer.error), is_refused);
    if (!is_refused) model_.end(producer, how);
  }
  void delete_offset(bool is_refused) {
    const auto at = any_place();
    static_cast<void>(world_.call(&group_shard::delete_offsets,
                                  delete_offsets_request{at.group, {{at.topic, {at.index}}}}));
    if (!is_refused) model_.empty_where([&](const place& of) { return of == at; });
  }
  void delete_group(bool is_refused) {
    const auto group = any_group();
    static_cast<void>(world_.call(&group_shard::delete_group, std::string(group)));
    if (!is_refused) model_.empty_where([&](const place& of) { return of.group == group; });
  }

  static std::string row(const std::string& topic, std::int32_t index, std::int64_t offset,
                         bool is_unstable) {
    return fmt::format("{}-{}:{}{} ", topic, index, offset, is_unstable ? "?" : "");
  }
  std::string fetched(const std::string& group, pending transactional, bool of_all) {
    fetch_offsets_request request;
    request.group_id = group;
    request.transactional = transactional;
    if (!of_all) {
      request.topics.emplace();
      for (const auto& at : places_of(group)) request.topics->push_back({at.topic, {at.index}});
    }
    std::string text;
    const auto answer = world_.call(&group_shard::fetch_offsets, std::move(request));
    for (const auto& topic : answer.topics) {
      for (const auto& [index, value, error] : topic.partitions)
        text += row(topic.name, index, value.offset.value(), error == errc::unstable_offset);
    }
    return text;
  }
  std::string expected(const std::string& group, pending transactional, bool of_all) {
    std::string text;
    for (const auto& at : places_of(group)) {
      const auto offset = model_.committed(at);
      const bool is_unstable = transactional == pending::refused && model_.is_held(at);
      if (of_all && offset < 0) continue;
      text += row(at.topic, at.index, is_unstable ? -1 : offset, is_unstable);
    }
    return text;
  }

  std::mt19937_64 random_;
  World world_;
  offsets_model model_;
  std::int64_t last_offset_ = 0;
};

template <class World>
void run_random(std::uint64_t seed, int steps, int steps_per_run) {
  random_run<World> run(seed);
  for (int i = 0; i < steps; ++i) {
    run.take_step();
    if (i % steps_per_run == steps_per_run - 1) run.restart();
    run.check();
    if (testing::Test::HasFatalFailure()) {
      FAIL() << "at step " << i;
      return;
    }
  }
}

TEST(transactional_offsets_model, state_machine_answers_as_the_model_does) {
  const auto seed = random_seed();
  for (std::uint64_t i = 0; i < 20 && !HasFailure(); ++i) run_random<machine_world>(seed + i, 500, 50);
}

TEST(transactional_offsets_model, partition_with_its_log_answers_as_the_model_does) {
  const auto seed = random_seed();
  for (std::uint64_t i = 0; i < 10 && !HasFailure(); ++i) run_random<log_world>(seed + i, 200, 40);
}

}  // namespace
}  // namespace tidelog::test
