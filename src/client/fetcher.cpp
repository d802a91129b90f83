#include "tidelog/client/fetcher.hpp"

#include "tidelog/codec/compression.hpp"
#include "tidelog/protocol/fetch.hpp"

#include <algorithm>

namespace tidelog::client {
namespace {

constexpr std::int16_t first_version_by_id = 13;

/// The aborted transactions of one answer, as the batches are walked through in order.
class aborted_filter {
 public:
  aborted_filter(const protocol::fetch_partition_data& answered, std::set<model::producer_id>& aborting)
      : aborting_(aborting) {
    if (answered.aborted_transactions) waiting_ = *answered.aborted_transactions;
    std::sort(waiting_.begin(), waiting_.end(),
              [](const auto& left, const auto& right) { return left.first_offset < right.first_offset; });
  }
  /// True for a batch that was taken back.
  bool hides(const model::record_batch_view& batch) {
    while (next_ < waiting_.size() && waiting_[next_].first_offset <= batch.last_offset().value())
      aborting_.insert(model::producer_id(waiting_[next_++].producer_id));
    return batch.is_transactional() && aborting_.contains(batch.producer_id());
  }
  void marker(const model::record_batch_view& batch) { aborting_.erase(batch.producer_id()); }

 private:
  std::set<model::producer_id>& aborting_;
  std::vector<protocol::aborted_transaction> waiting_;
  std::size_t next_ = 0;
};

tl::unexpected<base::error> corrupt(const model::topic_partition& at, model::offset position,
                                    const base::error& why) {
  return base::fail(client_errc::corrupt_batch, "{} at offset {}: {}", at.text(), position.value(),
                    why.describe());
}

}  // namespace

base::result<std::size_t> fetcher::poll(const record_visitor& visit) {
  round now{visit};
  const auto done = cluster_.retrying([&]() -> base::status {
    std::map<model::broker_id, std::vector<model::topic_partition>> leaders;
    for (const auto& [at, state] : partitions_) {
      TIDELOG_TRY(const auto leader, cluster_.leader_of(at));
      leaders[leader].push_back(at);
    }
    for (const auto& [leader, from] : leaders) {
      auto outcome = fetch_from(leader, from, now);
      if (!outcome) {
        for (const auto& at : from) cluster_.forget(at.topic);
        return outcome;
      }
      if (now.stopped) break;
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return now.records;
}

base::status fetcher::fetch_from(model::broker_id leader, const std::vector<model::topic_partition>& from,
                                 round& now) {
  protocol::fetch_request request;
  request.max_wait_ms = static_cast<std::int32_t>(options_.max_wait.count());
  request.min_bytes = options_.min_bytes;
  request.max_bytes = options_.max_bytes;
  request.isolation_level = options_.isolation;
  bool all_have_ids = true;
  std::map<model::topic_id, std::string> names;
  for (const auto& at : from) {
    TIDELOG_TRY(const auto* const known, cluster_.topic(at.topic));
    all_have_ids = all_have_ids && !known->id.is_zero();
    names[known->id] = at.topic;
    if (request.topics.empty() || request.topics.back().topic != at.topic)
      request.topics.push_back({.topic = at.topic, .topic_id = known->id, .partitions = {}});
    auto& partition = request.topics.back().partitions.emplace_back();
    partition.partition = at.partition.value();
    partition.fetch_offset = partitions_.at(at).position.value();
    partition.partition_max_bytes = options_.partition_max_bytes;
  }
  TIDELOG_TRY(auto* const peer, cluster_.to_broker(leader));
  const std::int16_t ceiling = all_have_ids ? codec::never : std::int16_t{first_version_by_id - 1};
  TIDELOG_TRY(const auto got, peer->call(request, options_.max_wait, ceiling));
  TIDELOG_DO(check_answer(got->error_code, "Fetch"));
  for (const auto& topic : got->responses) {
    const auto& name = got.version >= first_version_by_id ? names[topic.topic_id] : topic.topic;
    for (const auto& partition : topic.partitions) {
      const model::topic_partition at{name, model::partition_index(partition.partition_index)};
      if (!partitions_.contains(at))
        return base::fail(client_errc::malformed_answer, "Fetch: {} was not asked for", at.text());
      TIDELOG_DO(take_partition(at, partition, now));
      if (now.stopped) return {};
    }
  }
  return {};
}

base::status fetcher::take_partition(const model::topic_partition& at,
                                     const protocol::fetch_partition_data& answered, round& now) {
  auto& state = partitions_.at(at);
  const auto range = fmt::format("offset {}", state.position.value());
  if (auto fine = check_answer(answered.error_code, at.text(), range); !fine) return fine;
  const bool committed = options_.isolation == protocol::isolation_level::read_committed;
  state.readable_end = model::offset(committed ? answered.last_stable_offset : answered.high_watermark);
  aborted_filter filter(answered, state.aborting);
  base::byte_view rest = answered.records.bytes;
  while (!rest.empty() && !now.stopped) {
    const auto batch = model::parse_record_batch(rest);
    if (!batch) {
      // A broker may cut the last batch where its limit fell; it comes whole the next time.
      if (batch.error().code == model::batch_errc::truncated_header ||
          batch.error().code == model::batch_errc::truncated_body)
        return {};
      return corrupt(at, state.position, batch.error());
    }
    if (const auto sound = model::verify_crc(*batch); !sound)
      return corrupt(at, state.position, sound.error());
    rest = rest.subspan(batch->size_bytes());
    const bool hidden = committed && filter.hides(*batch);
    if (batch->is_control()) {
      filter.marker(*batch);
    } else if (!hidden && batch->next_offset() > state.position) {
      TIDELOG_DO(take_records(at, state, *batch, now));
    }
    if (!now.stopped) state.position = std::max(state.position, batch->next_offset());
  }
  return {};
}

base::status fetcher::take_records(const model::topic_partition& at, partition_state& state,
                                   const model::record_batch_view& batch, round& now) {
  std::vector<std::byte> opened;
  auto records = batch.records();
  if (batch.compression() != model::compression_type::none) {
    auto plain = codec::decompress(batch.compression(), records, options_.largest_batch_bytes);
    if (!plain) return corrupt(at, state.position, plain.error());
    opened = std::move(*plain);
    records = opened;
  }
  model::record_reader reader(records, batch.record_count());
  for (;;) {
    const auto record = reader.next();
    if (!record) return corrupt(at, state.position, record.error());
    if (!*record) return {};
    const auto offset = model::offset_of(batch, **record);
    if (offset < state.position) continue;
    TIDELOG_TRY(const auto wish, now.visit({at, offset, model::timestamp_of(batch, **record), **record}));
    ++now.records;
    state.position = offset + 1;
    if (wish == after_record::stop) {
      now.stopped = true;
      return {};
    }
  }
}

}  // namespace tidelog::client
