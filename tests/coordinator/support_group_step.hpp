#pragma once
// A group_step for tests: time, settings and topics are what the test says; what was written is kept; writes can be
// refused; answers wait until deliver(), as in the broker no answer runs in the middle of an event.

#include "group_step.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidelog::test {

class fake_topics final : public coordinator::topic_catalog {
 public:
  /// The id has the number in its last byte.
  static model::topic_id id_of(std::uint8_t number) {
    model::topic_id id;
    id.bytes.back() = static_cast<std::byte>(number);
    return id;
  }
  void put(const std::string& name, const model::topic_id& id, std::int32_t partition_count) {
    by_name_[name] = {name, id, partition_count};
    ++version_;
  }
  void erase(const std::string& name) {
    by_name_.erase(name);
    ++version_;
  }
  void set_rack(std::optional<std::string> rack) { rack_ = std::move(rack); }

  [[nodiscard]] std::optional<coordinator::topic_summary> find(const std::string& name) const override {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] std::optional<coordinator::topic_summary> find(const model::topic_id& id) const override {
    const auto found = std::find_if(by_name_.begin(), by_name_.end(),
                                    [&](const auto& entry) { return entry.second.id == id; });
    if (found == by_name_.end()) return std::nullopt;
    return found->second;
  }
  void for_each(const std::function<void(const coordinator::topic_summary&)>& visit) const override {
    for (const auto& [name, topic] : by_name_) visit(topic);
  }
  [[nodiscard]] std::int64_t version() const override { return version_; }
  [[nodiscard]] const std::optional<std::string>& rack() const override { return rack_; }

 private:
  std::map<std::string, coordinator::topic_summary> by_name_;
  std::int64_t version_ = 1;
  std::optional<std::string> rack_;
};

class fake_group_step final : public coordinator::group_step {
 public:
  // What a test sets.
  coordinator::steady_ms now = 1'000'000;
  std::int64_t unix_now = 1'700'000'000'000;
  coordinator::group_settings config;
  std::map<std::string, coordinator::consumer_group_overrides> overrides;
  fake_topics catalog;
  std::size_t most_bytes = 1'048'576;
  /// Not empty: every write is refused with it.
  std::error_code refusal;
  /// Not empty: what hangs on durability fails with it.
  std::error_code not_durable;

  /// What a log would have of it: a record, of a transaction or not, or the end of one.
  struct log_entry {
    std::optional<coordinator::group_record> record;
    model::producer_id producer = model::no_producer_id;
    std::optional<model::transaction_outcome> outcome;
  };

  // What a test looks at.
  std::vector<log_entry> log;
  /// The records among them, of transactions or not.
  std::vector<coordinator::group_record> written;
  int writes = 0;
  int refused_writes = 0;

  /// Both clocks go on.
  void pass(std::int64_t milliseconds) {
    now += milliseconds;
    unix_now += milliseconds;
  }
  /// Runs the answers given so far, in their order.
  void deliver() {
    while (!answers_.empty()) {
      auto next = std::move(answers_.front());
      answers_.pop_front();
      next();
    }
  }
  [[nodiscard]] std::vector<coordinator::group_record> take_written() { return std::exchange(written, {}); }

  [[nodiscard]] coordinator::steady_ms now_ms() const override { return now; }
  [[nodiscard]] std::int64_t unix_now_ms() const override { return unix_now; }
  [[nodiscard]] const coordinator::group_settings& settings() const override { return config; }
  [[nodiscard]] coordinator::consumer_group_overrides overrides_of(
      const std::string& group_id) const override {
    const auto found = overrides.find(group_id);
    return found == overrides.end() ? config.consumer_defaults : found->second;
  }
  [[nodiscard]] const coordinator::topic_catalog& topics() const override { return catalog; }
  [[nodiscard]] std::string random_id() override { return "id-" + std::to_string(next_id_++); }
  [[nodiscard]] std::error_code write(const std::vector<coordinator::group_record>& records) override {
    return take(records, model::no_producer_id);
  }
  [[nodiscard]] std::error_code write_in_transaction(
      const coordinator::transaction_writer& who,
      const std::vector<coordinator::group_record>& records) override {
    return take(records, who.producer);
  }
  [[nodiscard]] std::error_code write_transaction_end(const model::transaction_end& end) override {
    if (refusal) return refusal;
    log.push_back({std::nullopt, end.producer, end.outcome});
    return {};
  }
  [[nodiscard]] std::size_t max_write_bytes() const override { return most_bytes; }

 protected:
  void when_durable(base::unique_function<void(std::error_code)> told) override {
    answers_.emplace_back([told = std::move(told), failure = not_durable]() mutable { told(failure); });
  }
  void at_once(base::task told) override { answers_.push_back(std::move(told)); }

 private:
  std::error_code take(const std::vector<coordinator::group_record>& records, model::producer_id producer) {
    if (refusal) {
      ++refused_writes;
      return refusal;
    }
    ++writes;
    written.insert(written.end(), records.begin(), records.end());
    for (const auto& record : records) log.push_back({record, producer, std::nullopt});
    return {};
  }

  std::deque<base::task> answers_;
  int next_id_ = 1;
};

/// Where an answer lands: `group.join(step, request, answer.to())`. A second answer to the same request is a failure.
template <class Answer>
class caught {
 public:
  [[nodiscard]] coordinator::reply<Answer> to() {
    auto place = std::make_shared<std::optional<Answer>>();
    place_ = place;
    return [place](Answer answer) {
      EXPECT_FALSE(place->has_value()) << "answered twice";
      *place = std::move(answer);
    };
  }
  [[nodiscard]] bool has_answer() const { return place_ != nullptr && place_->has_value(); }
  /// Fails the test, and gives an empty answer, where there is none.
  [[nodiscard]] const Answer& answer() const {
    static const Answer none{};
    EXPECT_TRUE(has_answer());
    return has_answer() ? **place_ : none;
  }

 private:
  std::shared_ptr<std::optional<Answer>> place_;
};

}  // namespace tidelog::test
