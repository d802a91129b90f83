#pragma once
// Groups on a real log, over a file system that can fail.

#include "group_partition.hpp"
#include "partition/broker_world.hpp"

#include <future>
#include <memory>
#include <optional>

namespace tidelog::test {

/// One answer that a test waits for.
template <class Answer>
class awaited {
 public:
  [[nodiscard]] coordinator::reply<Answer> to() {
    return [promise = promise_](Answer answer) { promise->set_value(std::move(answer)); };
  }
  /// Throws when there is none after impossibly long.
  [[nodiscard]] Answer get() {
    if (outcome_.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      throw std::runtime_error("no answer");
    }
    return outcome_.get();
  }
  [[nodiscard]] bool is_there() const {
    return outcome_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::shared_ptr<std::promise<Answer>> promise_ = std::make_shared<std::promise<Answer>>();
  std::future<Answer> outcome_ = promise_->get_future();
};

inline constexpr const char* groups_topic = "__consumer_offsets";

[[nodiscard]] inline coordinator::commit_request commit_of(const std::string& group, std::int64_t offset,
                                                           std::string metadata = "") {
  coordinator::commit_request request;
  request.group_id = group;
  request.topics = {{"t", {}, {{0, {model::offset(offset), model::no_leader_epoch, std::move(metadata)}}}}};
  return request;
}

[[nodiscard]] inline coordinator::transactional_commit_request transactional_commit_of(
    std::int64_t producer, const std::string& group, std::int64_t offset) {
  coordinator::transactional_commit_request request{commit_of(group, offset)};
  request.producer_id = model::producer_id(producer);
  request.producer_epoch = model::producer_epoch(0);
  return request;
}

/// One partition of groups in one run of a broker.
class groups_run {
 public:
  explicit groups_run(fault_file_system& files, metadata::config_map broker = {})
      : broker_(files, partition::broker_layers{broker, {}}), configured_(std::move(broker)) {
    if (!broker_.image()->topic(groups_topic)) broker_.create(groups_topic);
    publish();
    groups_ = std::make_shared<coordinator::group_partition>(
        broker_.find(groups_topic),
        coordinator::group_partition_environment{board_, {workers_, broker_.clock, [](auto) {}}, [] {}});
  }
  ~groups_run() { groups_->give_up(coordinator::errc::not_coordinator); }

  /// Reads the log; true when the groups serve after that.
  bool load() {
    groups_->load();
    for (int i = 0; i < 60'000 && groups_->is_loading(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::vector<coordinator::group_listing> all;
    return !groups_->list(all);
  }
  template <class Request, class Answer>
  Answer call(void (coordinator::group_shard::*event)(coordinator::group_step&, Request,
                                                      coordinator::reply<Answer>),
              Request request) {
    awaited<Answer> answer;
    groups_->handle(event, std::move(request), answer.to());
    return answer.get();
  }
  std::error_code commit(const std::string& group, std::int64_t offset, std::string metadata = "") {
    return call(&coordinator::group_shard::commit_offsets, commit_of(group, offset, std::move(metadata)))
        .error;
  }
  std::error_code commit_in_transaction(std::int64_t producer, const std::string& group,
                                        std::int64_t offset) {
    return call(&coordinator::group_shard::commit_offsets_in_transaction,
                transactional_commit_of(producer, group, offset))
        .error;
  }
  std::error_code end_transaction(std::int64_t producer, model::transaction_outcome outcome,
                                  std::int16_t epoch = 0) {
    return call(&coordinator::group_shard::end_transaction,
                {model::producer_id(producer), model::producer_epoch(epoch), outcome, 0})
        .error;
  }
  /// -1 where there is none; throws on an error of the group.
  std::int64_t committed(const std::string& group) {
    return fetch(group, coordinator::fetch_offsets_request::pending::ignored).value.offset.value();
  }
  /// Whether a transaction holds the group's offset.
  bool is_pending(const std::string& group) {
    return fetch(group, coordinator::fetch_offsets_request::pending::refused).error ==
           coordinator::errc::unstable_offset;
  }
  void publish() {
    metadata::config_layers layers;
    layers.configuration_file = &configured_;
    board_->publish(std::make_shared<const coordinator::group_surroundings>(
        metadata::effective_broker_config(layers), broker_.image(), 1,
        broker_.manager().layers(*broker_.image(), "")));
  }
  [[nodiscard]] coordinator::group_partition& groups() { return *groups_; }
  [[nodiscard]] broker_run& broker() { return broker_; }

 private:
  coordinator::fetch_offsets_answer::partition fetch(
      const std::string& group, coordinator::fetch_offsets_request::pending transactional) {
    coordinator::fetch_offsets_request request;
    request.group_id = group;
    request.topics.emplace().push_back({"t", {0}});
    request.transactional = transactional;
    const auto got = call(&coordinator::group_shard::fetch_offsets, std::move(request));
    if (got.error) throw std::runtime_error(got.error.message());
    return got.topics.at(0).partitions.at(0);
  }

  broker_run broker_;
  metadata::config_map configured_;
  std::shared_ptr<coordinator::surroundings_board> board_ =
      std::make_shared<coordinator::surroundings_board>();
  base::worker_pool workers_{"groups", 2};
  std::shared_ptr<coordinator::group_partition> groups_;
};

}  // namespace tidelog::test
