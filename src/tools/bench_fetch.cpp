#include "bench_options.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/model/record_batch.hpp"
#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/produce.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

constexpr std::int16_t last_version_by_name = 12;

protocol::fetch_request fetch_at(const model::topic_partition& at, const model::topic_id& id,
                                 model::offset from, std::size_t fetch_bytes) {
  const auto most = static_cast<std::int32_t>(fetch_bytes);
  protocol::fetch_request request;
  request.max_wait_ms = 1'000;
  request.min_bytes = 1;
  request.max_bytes = most;
  auto& topic = request.topics.emplace_back();
  topic.topic = at.topic;
  topic.topic_id = id;
  auto& partition = topic.partitions.emplace_back();
  partition.partition = at.partition.value();
  partition.fetch_offset = from.value();
  partition.partition_max_bytes = most;
  return request;
}

/// Brings every partition to its share of --fill-bytes.
base::status fill(client::cluster& cluster, const bench_options& wanted, const model::topic_partition& at,
                  std::uint64_t share) {
  TIDELOG_TRY(const auto begin, client::list_offsets(cluster, std::span(&at, 1), client::earliest_offset));
  TIDELOG_TRY(const auto end, client::list_offsets(cluster, std::span(&at, 1), client::latest_offset));
  TIDELOG_TRY(auto batch, prepare_batch(wanted));
  const auto there = static_cast<std::uint64_t>(end.front().offset - begin.front().offset);
  auto bytes = there / static_cast<std::uint64_t>(batch.record_count) * batch.bytes.size();
  TIDELOG_TRY(const auto* const topic, cluster.topic(at.topic));
  TIDELOG_TRY(const auto leader, cluster.leader_of(at));
  for (; bytes < share; bytes += batch.bytes.size()) {
    protocol::produce_request request;
    request.acks = static_cast<std::int16_t>(client::acks::all);
    request.timeout_ms = 30'000;
    auto& data = request.topic_data.emplace_back();
    data.name = at.topic;
    data.topic_id = topic->id;
    auto& partition = data.partition_data.emplace_back();
    partition.index = at.partition.value();
    partition.records.bytes = batch.bytes;
    partition.records.present = true;
    TIDELOG_TRY(const auto got, cluster.ask(leader, request));
    if (got->responses.empty() || got->responses[0].partition_responses.empty())
      return base::fail(client::client_errc::malformed_answer, "produce");
    const auto& answered = got->responses[0].partition_responses[0];
    TIDELOG_DO(client::check_answer(answered.error_code, at.text(), answered.error_message.value_or("")));
  }
  return {};
}

/// The offset behind the last whole batch of an answer.
model::offset next_offset(base::byte_view records, model::offset from) {
  while (!records.empty()) {
    const auto batch = model::parse_record_batch(records);
    if (!batch) break;
    from = batch->next_offset();
    records = records.subspan(batch->size_bytes());
  }
  return from;
}

/// Walks through a partition once: which is what brings it into the page cache, and what tells how large each answer
/// will be, so that later the bytes need not be looked at.
base::status plan(client::cluster& cluster, const bench_options& wanted, const model::topic_partition& at,
                  std::vector<prepared_request>& requests) {
  TIDELOG_TRY(const auto begin, client::list_offsets(cluster, std::span(&at, 1), client::earliest_offset));
  TIDELOG_TRY(const auto end, client::list_offsets(cluster, std::span(&at, 1), client::latest_offset));
  TIDELOG_TRY(const auto* const topic, cluster.topic(at.topic));
  TIDELOG_TRY(const auto leader, cluster.leader_of(at));
  TIDELOG_TRY(auto* const peer, cluster.to_broker(leader));
  const std::int16_t ceiling = topic->id.is_zero() ? last_version_by_name : codec::never;
  for (auto from = begin.front().offset; from < end.front().offset;) {
    const auto request = fetch_at(at, topic->id, from, wanted.fetch_bytes);
    TIDELOG_TRY(const auto got, peer->call(request, {}, ceiling));
    if (got->responses.empty() || got->responses[0].partitions.empty())
      return base::fail(client::client_errc::malformed_answer, "fetch");
    const auto& answered = got->responses[0].partitions[0];
    TIDELOG_DO(client::check_answer(answered.error_code, at.text()));
    const auto next = next_offset(answered.records.bytes, from);
    if (next == from)
      return base::fail(client::client_errc::malformed_answer, "{}: nothing at {}", at.text(), from.value());
    // The last answers are short; they would only measure small fetches.
    if (requests.empty() || answered.records.bytes.size() >= requests.front().payload_bytes / 2) {
      requests.push_back({protocol::encode_request(1, "tidelog-bench", request, got.version).memory,
                          answered.records.bytes.size(), got.frame.size()});
    }
    from = next;
  }
  return {};
}

}  // namespace

base::result<std::vector<bench_report>> bench_fetch(client::cluster& cluster, const bench_options& wanted) {
  TIDELOG_TRY(const auto partitions, ensure_topic(cluster, wanted));
  std::vector<request_ring> rings;
  for (const auto& at : partitions) {
    TIDELOG_DO(fill(cluster, wanted, at, wanted.fill_bytes / partitions.size()));
    auto ring = std::make_shared<std::vector<prepared_request>>();
    TIDELOG_DO(plan(cluster, wanted, at, *ring));
    if (ring->empty()) {
      return base::fail(std::make_error_code(std::errc::invalid_argument), "{} is empty: give --fill-bytes",
                        at.text());
    }
    rings.push_back(std::move(ring));
  }
  std::vector<client::socket> sockets;
  for (std::size_t i = 0; i < static_cast<std::size_t>(wanted.connections); ++i) {
    TIDELOG_TRY(auto connection,
                connect_to_leader(cluster, partitions[i % partitions.size()], protocol::api_key::fetch,
                                  protocol::fetch_request::versions));
    sockets.push_back(std::move(connection.socket));
  }
  auto settings = settings_of(wanted);
  settings.answers = answers::discarded;
  auto loops = make_loops(wanted, settings);
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const auto& ring = rings[i % rings.size()];
    // Readers of one partition begin at different places.
    loops[i % loops.size()]->add(std::move(sockets[i]), ring, i * ring->size() / sockets.size());
  }
  TIDELOG_TRY(auto report, run_loops(wanted, settings, loops));
  report.latency_of = "fetch";
  std::vector<bench_report> reports;
  reports.push_back(std::move(report));
  return reports;
}

}  // namespace tidelog::tools
