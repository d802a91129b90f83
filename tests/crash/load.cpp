#include "load.hpp"

#include "tidelog/client/admin.hpp"
#include "tidelog/client/cluster.hpp"
#include "tidelog/client/fetcher.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/protocol/init_producer_id.hpp"
#include "tidelog/protocol/produce.hpp"

#include <stdexcept>

namespace tidelog::test {
namespace {

constexpr std::size_t most_under_way = 4;
constexpr int most_records_in_batch = 20;
/// The last version that names topics instead of giving their ids.
constexpr std::int16_t produce_version = 12;

}  // namespace

void broker_place::publish(const client::broker_address& address) {
  const std::lock_guard lock(mutex_);
  address_ = address;
  changed_.notify_all();
}

void broker_place::withdraw() {
  const std::lock_guard lock(mutex_);
  address_.reset();
}

void broker_place::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

std::optional<client::broker_address> broker_place::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || address_; });
  if (closed_) return std::nullopt;
  return address_;
}

bool broker_place::is_closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

load_producer::load_producer(int index, delivery_promise promise,
                             std::vector<model::topic_partition> partitions, broker_place& broker,
                             ledger& promises, std::uint64_t seed)
    : index_(index),
      promise_(promise),
      partitions_(std::move(partitions)),
      broker_(broker),
      promises_(promises),
      random_(seed),
      next_numbers_(partitions_.size()) {
  promises_.add_producer(index, promise);
}

void load_producer::run() {
  while (const auto address = broker_.wait()) {
    auto broker = client::connection::open(*address, {});
    // Dead already; the next one is waited for.
    if (!broker) continue;
    work_with(**broker);
  }
}

void load_producer::work_with(client::connection& broker) {
  if (promise_ == delivery_promise::exactly_once) {
    if (!get_producer_id(broker)) return;
    // What was not answered is sent again, in its order and under its sequences.
    for (const auto& each : under_way_) {
      if (!send(broker, each)) return;
    }
  } else {
    under_way_.clear();
  }
  while (!broker_.is_closed()) {
    while (under_way_.size() < most_under_way) {
      under_way_.push_back(next_batch());
      if (!send(broker, under_way_.back())) return;
    }
    if (!receive(broker)) return;
  }
}

bool load_producer::get_producer_id(client::connection& broker) {
  if (producer_id_ != model::no_producer_id) return true;
  auto given = broker.call(protocol::init_producer_id_request{});
  if (!given) return false;
  const auto& answer = given->message;
  if (answer.error_code != protocol::error_code::none) {
    throw std::runtime_error(fmt::format("no producer id: {}", protocol::error_name(answer.error_code)));
  }
  producer_id_ = model::producer_id(answer.producer_id);
  producer_epoch_ = model::producer_epoch(answer.producer_epoch);
  return true;
}

load_producer::batch load_producer::next_batch() {
  batch made{};
  made.partition = random_() % partitions_.size();
  made.count = static_cast<std::int32_t>(1 + random_() % most_records_in_batch);
  made.first_number = next_numbers_[made.partition];
  next_numbers_[made.partition] += made.count;
  return made;
}

bool load_producer::send(client::connection& broker, const batch& of) {
  model::record_batch_fields fields;
  if (promise_ == delivery_promise::exactly_once) {
    fields.producer_id = producer_id_;
    fields.producer_epoch = producer_epoch_;
    fields.base_sequence = model::sequence(static_cast<std::int32_t>(of.first_number));
  }
  model::record_batch_builder builder(fields);
  for (std::int32_t i = 0; i < of.count; ++i) {
    const auto value = value_of({index_, of.first_number + i});
    builder.add(model::timestamp(1'700'000'000'000 + of.first_number), std::nullopt, base::as_bytes(value));
  }
  auto bytes = builder.build();
  const auto& at = partitions_[of.partition];
  protocol::produce_request request;
  request.acks = -1;
  request.timeout_ms = 30'000;
  protocol::partition_produce_data data;
  data.index = at.partition.value();
  data.records.present = true;
  data.records.bytes = bytes;
  request.topic_data.push_back({at.topic, {}, {data}});
  return broker.send(request, produce_version).has_value();
}

bool load_producer::receive(client::connection& broker) {
  const auto answer = broker.receive<protocol::produce_request>();
  if (!answer) return false;
  const auto sent = under_way_.front();
  const auto& told = answer->message.responses.at(0).partition_responses.at(0);
  const auto& at = partitions_[sent.partition];
  if (told.error_code != protocol::error_code::none) {
    throw std::runtime_error(fmt::format("producer {} at record {} for {}: {} {}", index_, sent.first_number,
                                         at.text(), protocol::error_name(told.error_code),
                                         told.error_message.value_or("")));
  }
  under_way_.pop_front();
  promises_.acknowledged(at, model::offset(told.base_offset), {index_, sent.first_number}, sent.count);
  return true;
}

void run_consumer(const std::vector<model::topic_partition>& partitions, broker_place& broker,
                  ledger& promises) {
  std::map<model::topic_partition, model::offset> positions;
  for (const auto& at : partitions) positions[at] = model::offset(0);
  while (const auto address = broker.wait()) {
    client::cluster_options options;
    // A broker that is gone does not come back at its address.
    options.retry_for = std::chrono::milliseconds(0);
    const auto cluster = client::cluster::connect({*address}, options);
    if (!cluster) continue;
    client::fetch_options fetching;
    fetching.max_wait = std::chrono::milliseconds(20);
    client::fetcher fetcher(**cluster, fetching);
    for (const auto& [at, position] : positions) fetcher.assign(at, position);
    while (!broker.is_closed()) {
      const auto polled = fetcher.poll([&](const client::fetched_record& record) {
        promises.shown_to_a_consumer(record.at, record.offset,
                                     identity_of(base::as_text(*record.record.value)));
        return client::after_record::go_on;
      });
      for (auto& [at, position] : positions) position = fetcher.position(at);
      if (!polled) break;
    }
  }
}

void run_administrator(broker_place& broker, topic_ledger& promises) {
  constexpr int topics_kept = 3;
  int next = 0;
  while (const auto address = broker.wait()) {
    client::cluster_options options;
    options.retry_for = std::chrono::milliseconds(0);
    const auto cluster = client::cluster::connect({*address}, options);
    if (!cluster) continue;
    while (!broker.is_closed()) {
      // After a death it is not known whether the last one was made: the next has another name.
      const auto topic = fmt::format("passing-{}", next++);
      if (!client::create_topic(**cluster, {topic, 2, -1, {}})) break;
      promises.created(topic);
      if (next <= topics_kept) continue;
      const auto old = fmt::format("passing-{}", next - 1 - topics_kept);
      promises.deletion_begins(old);
      const auto gone = client::delete_topic(**cluster, old);
      const bool was_never_made =
          !gone &&
          gone.error().code == client::broker_error(protocol::error_code::unknown_topic_or_partition);
      if (!gone && !was_never_made) break;
      promises.deleted(old);
    }
  }
}

void watched_threads::join() {
  for (auto& each : threads_) each.join();
  threads_.clear();
  if (first_failure_) std::rethrow_exception(first_failure_);
}

watched_threads::~watched_threads() {
  for (auto& each : threads_) each.join();
}

}  // namespace tidelog::test
