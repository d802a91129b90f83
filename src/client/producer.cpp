#include "tidelog/client/producer.hpp"

#include "tidelog/client/coordinators.hpp"
#include "tidelog/protocol/end_txn.hpp"
#include "tidelog/protocol/init_producer_id.hpp"
#include "tidelog/protocol/produce.hpp"

#include <algorithm>
#include <string_view>

namespace tidelog::client {
namespace {

/// From here on topics are named by their ids, which a broker without them does not know.
constexpr std::int16_t first_version_by_id = 13;
/// From here on the broker itself adds the partitions to the transaction, and gives each transaction an epoch.
constexpr std::int16_t first_adding_version = 12;
constexpr std::int16_t first_end_with_epoch = 5;

protocol::produce_request request_for(const model::topic_partition& at, const model::topic_id& id,
                                      const producer_options& options, base::byte_span batch) {
  protocol::produce_request request;
  request.transactional_id = options.transactional_id;
  request.acks = static_cast<std::int16_t>(options.acks);
  request.timeout_ms = static_cast<std::int32_t>(options.broker_timeout.count());
  auto& topic = request.topic_data.emplace_back();
  topic.name = at.topic;
  topic.topic_id = id;
  auto& partition = topic.partition_data.emplace_back();
  partition.index = at.partition.value();
  partition.records.bytes = batch;
  partition.records.present = true;
  return request;
}

/// What the broker says about single records is more to the point than what it says about the batch.
std::string explanation(const protocol::partition_produce_response& answered) {
  for (const auto& record : answered.record_errors)
    if (record.batch_index_error_message)
      return fmt::format("record {} of the batch: {}", record.batch_index, *record.batch_index_error_message);
  return answered.error_message.value_or(std::string{});
}

}  // namespace

base::status compress_batch(std::vector<std::byte>& batch, model::compression_type type,
                            codec::compression_level level) {
  if (type == model::compression_type::none) return {};
  const auto content = base::byte_view(batch).subspan(model::batch_position::records);
  TIDELOG_TRY(const auto smaller, codec::compress(type, level, content));
  batch.resize(model::batch_position::records);
  batch.insert(batch.end(), smaller.begin(), smaller.end());
  base::store_big_endian(batch.data() + model::batch_position::length,
                         static_cast<std::int32_t>(batch.size() - model::batch_position::leader_epoch));
  const auto attributes =
      base::load_big_endian<std::uint16_t>(batch.data() + model::batch_position::attributes);
  base::store_big_endian(batch.data() + model::batch_position::attributes,
                         static_cast<std::uint16_t>(attributes | static_cast<std::uint16_t>(type)));
  model::reseal_crc(batch);
  return {};
}

producer::producer(cluster& in, const producer_options& options,
                   std::function<void(const delivery&)> delivered)
    : cluster_(in), options_(options), delivered_(std::move(delivered)) {}

base::result<model::topic_partition> producer::place_of(const std::string& topic,
                                                        const outgoing_record& record) {
  // Metadata may be asked for over the connection on which a batch waits for its answer.
  if (!cluster_.knows(topic)) TIDELOG_DO(settle());
  TIDELOG_TRY(const auto* const known, cluster_.topic(topic));
  const auto count = static_cast<std::int32_t>(known->partitions.size());
  if (record.partition) {
    if (record.partition->value() < 0 || record.partition->value() >= count) {
      return base::fail(client_errc::unknown_partition, "{}: {} has {} partitions, numbered from 0",
                        record.partition->value(), topic, count);
    }
    return model::topic_partition{topic, *record.partition};
  }
  if (count == 0) return base::fail(client_errc::no_leader, "{} has no partitions yet", topic);
  auto& partitioner = partitioners_.try_emplace(topic, options_.seed).first->second;
  return model::topic_partition{topic, partitioner.pick(record.key, count)};
}

base::status producer::ensure_producer_id() {
  if (options_.idempotence == idempotence::off || producer_id_ != model::no_producer_id) return {};
  TIDELOG_TRY(const auto given, cluster_.retrying([this] { return ask_for_producer_id(); }));
  producer_id_ = model::producer_id(given.producer_id);
  producer_epoch_ = model::producer_epoch(given.producer_epoch);
  return {};
}

base::result<protocol::init_producer_id_response> producer::ask_for_producer_id() {
  protocol::init_producer_id_request request;
  request.transactional_id = options_.transactional_id;
  request.transaction_timeout_ms = static_cast<std::int32_t>(options_.transaction_timeout.count());
  const auto& id = options_.transactional_id;
  if (!id) {
    TIDELOG_TRY(const auto got, cluster_.ask_any(request));
    TIDELOG_DO(check_answer(got->error_code, "InitProducerId"));
    return got.message;
  }
  TIDELOG_TRY(const auto coordinator,
              find_coordinator(cluster_, *id, protocol::coordinator_type::transaction));
  TIDELOG_TRY(const auto got, cluster_.ask(coordinator, request));
  TIDELOG_DO(check_answer(got->error_code, *id));
  return got.message;
}

base::status producer::add(const std::string& topic, const outgoing_record& record) {
  TIDELOG_DO(ensure_producer_id());
  TIDELOG_TRY(auto at, place_of(topic, record));
  auto* state = &partitions_[at];
  const auto growth = model::record_batch_builder::most_bytes_of(record.key, record.value, record.headers);
  if (state->building && state->building->size_bytes() + growth > options_.batch_bytes) {
    TIDELOG_DO(send_batch(at, *state));
    if (!record.key && !record.partition) {
      partitioners_.at(topic).batch_completed();
      TIDELOG_TRY(at, place_of(topic, record));
      state = &partitions_[at];
    }
  }
  if (!state->building) {
    model::record_batch_fields fields;
    fields.producer_id = producer_id_;
    fields.producer_epoch = producer_epoch_;
    if (producer_id_ != model::no_producer_id) fields.base_sequence = state->next_sequence;
    if (options_.transactional_id) fields.attributes = model::batch_attribute::transactional;
    state->building.emplace(fields);
  }
  state->building->add(record.timestamp, record.key, record.value, record.headers);
  return {};
}

base::status producer::flush() {
  for (auto& [at, state] : partitions_)
    if (state.building) TIDELOG_DO(send_batch(at, state));
  for (auto& [topic, partitioner] : partitioners_) partitioner.batch_completed();
  return settle();
}

base::status producer::commit() {
  TIDELOG_DO(flush());
  return end_transaction(model::transaction_outcome::committed);
}

base::status producer::abort() {
  // What became of the batch does not matter any more, but its answer must not be taken for another one.
  if (under_way_ && sent_by_ != nullptr) static_cast<void>(settle_once());
  under_way_.reset();
  return end_transaction(model::transaction_outcome::aborted);
}

base::status producer::end_transaction(model::transaction_outcome outcome) {
  if (in_transaction_) {
    protocol::end_txn_request request;
    request.transactional_id = options_.transactional_id.value();
    request.producer_id = producer_id_.value();
    request.producer_epoch = producer_epoch_.value();
    request.committed = outcome == model::transaction_outcome::committed;
    TIDELOG_TRY(const auto ended, cluster_.retrying([&] { return ask_for_end(request); }));
    producer_id_ = model::producer_id(ended.producer_id);
    producer_epoch_ = model::producer_epoch(ended.producer_epoch);
    in_transaction_ = false;
  }
  // Sequences begin anew with the epoch.
  partitions_.clear();
  return {};
}

base::result<protocol::end_txn_response> producer::ask_for_end(const protocol::end_txn_request& request) {
  const auto& id = request.transactional_id;
  TIDELOG_TRY(const auto coordinator,
              find_coordinator(cluster_, id, protocol::coordinator_type::transaction));
  TIDELOG_TRY(const auto* const peer, cluster_.to_broker(coordinator));
  constexpr auto newest = protocol::end_txn_request::versions.max;
  TIDELOG_DO(peer->version_of(protocol::api_key::end_txn, {first_end_with_epoch, newest}));
  TIDELOG_TRY(const auto got, cluster_.ask(coordinator, request));
  TIDELOG_DO(check_answer(got->error_code, id));
  return got.message;
}

base::result<producer::sealed_batch> producer::seal(const model::topic_partition& at,
                                                    partition_state& state) {
  sealed_batch batch{at, {}, state.building->record_count()};
  batch.bytes = state.building->build();
  state.building.reset();
  if (producer_id_ != model::no_producer_id)
    state.next_sequence = model::advance(state.next_sequence, batch.record_count);
  TIDELOG_DO(compress_batch(batch.bytes, options_.compression, options_.compression_level));
  return batch;
}

base::status producer::send_batch(const model::topic_partition& at, partition_state& state) {
  TIDELOG_TRY(auto batch, seal(at, state));
  // One batch at a time is under way, so that a batch that has to be sent again never overtakes another.
  TIDELOG_DO(settle());
  under_way_ = std::move(batch);
  // What goes wrong here is retried when the answer is waited for.
  if (auto sent = begin_send(*under_way_); !sent && !is_retriable(sent.error().code)) return sent;
  return options_.acks == acks::none ? settle() : base::status{};
}

base::status producer::begin_send(sealed_batch& batch) {
  sent_by_ = nullptr;
  TIDELOG_TRY(const auto leader, cluster_.leader_of(batch.at));
  TIDELOG_TRY(const auto* const topic, cluster_.topic(batch.at.topic));
  TIDELOG_TRY(auto* const peer, cluster_.to_broker(leader));
  const auto request = request_for(batch.at, topic->id, options_, batch.bytes);
  auto ours = protocol::produce_request::versions;
  if (topic->id.is_zero()) ours.max = first_version_by_id - 1;
  if (options_.transactional_id) ours.min = first_adding_version;
  TIDELOG_TRY(const auto version, peer->version_of(protocol::api_key::produce, ours));
  in_transaction_ = options_.transactional_id.has_value();
  if (options_.acks == acks::none) {
    TIDELOG_DO(peer->send_unanswered(request, version));
  } else {
    TIDELOG_DO(peer->send(request, version));
  }
  sent_by_ = peer;
  return {};
}

base::status producer::settle() {
  if (!under_way_) return {};
  auto settled = cluster_.retrying([this]() -> base::status {
    auto outcome = settle_once();
    if (!outcome) {
      sent_by_ = nullptr;
      cluster_.forget(under_way_->at.topic);
    }
    return outcome;
  });
  if (settled) under_way_.reset();
  return settled;
}

base::status producer::settle_once() {
  auto& batch = *under_way_;
  if (sent_by_ == nullptr) TIDELOG_DO(begin_send(batch));
  delivery done{batch.at, model::no_offset, batch.record_count, batch.bytes.size()};
  if (options_.acks != acks::none) {
    TIDELOG_TRY(const auto got, sent_by_->receive<protocol::produce_request>(options_.broker_timeout));
    if (got->responses.size() != 1 || got->responses[0].partition_responses.size() != 1)
      return base::fail(client_errc::malformed_answer, "Produce: the answer leaves out {}", batch.at.text());
    const auto& answered = got->responses[0].partition_responses[0];
    TIDELOG_DO(check_answer(answered.error_code, batch.at.text(), explanation(answered)));
    done.base_offset = model::offset(answered.base_offset);
  }
  if (delivered_) delivered_(done);
  return {};
}

}  // namespace tidelog::client
