#include "bench_options.hpp"

#include "tidelog/protocol/produce.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

constexpr std::int32_t correlation_id = 1;
constexpr std::int32_t broker_timeout_ms = 30'000;

prepared_request prepare_request(const model::topic_partition& at, const model::topic_id& id,
                                 const bench_options& wanted, std::int16_t version, prepared_batch& batch) {
  protocol::produce_request request;
  request.acks = static_cast<std::int16_t>(wanted.acks);
  request.timeout_ms = broker_timeout_ms;
  auto& topic = request.topic_data.emplace_back();
  topic.name = at.topic;
  topic.topic_id = id;
  auto& partition = topic.partition_data.emplace_back();
  partition.index = at.partition.value();
  partition.records.bytes = batch.bytes;
  partition.records.present = true;
  auto encoded = protocol::encode_request(correlation_id, "tidelog-bench", request, version);
  return {std::move(encoded.memory), batch.bytes.size(), 0};
}

/// Where in an answer to such a request the error code stands: found by encoding two answers that differ in it.
std::size_t find_error_code(const model::topic_partition& at, std::int16_t version) {
  const auto encode = [&](protocol::error_code code) {
    protocol::produce_response response;
    auto& topic = response.responses.emplace_back();
    topic.name = at.topic;
    auto& partition = topic.partition_responses.emplace_back();
    partition.error_code = code;
    return protocol::encode_response(correlation_id, response, version).memory;
  };
  const auto fine = encode(protocol::error_code::none);
  const auto failed = encode(protocol::error_code::unknown_server_error);
  const auto differs = std::mismatch(fine.begin(), fine.end(), failed.begin());
  return static_cast<std::size_t>(differs.first - fine.begin()) - sizeof(std::int32_t);
}

base::status explain(base::byte_span answer, std::int16_t version) {
  TIDELOG_TRY(const auto header,
              protocol::decode_response_header(answer, protocol::api_key::produce, version));
  TIDELOG_TRY(const auto response, protocol::decode_response<protocol::produce_response>(header, version));
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      TIDELOG_DO(client::check_answer(partition.error_code, "produce", partition.error_message.value_or("")));
    }
  }
  return base::fail(client::client_errc::malformed_answer, "produce");
}

}  // namespace

base::result<std::vector<bench_report>> bench_produce(client::cluster& cluster, const bench_options& wanted) {
  TIDELOG_TRY(const auto partitions, ensure_topic(cluster, wanted));
  TIDELOG_TRY(const auto* const topic, cluster.topic(wanted.topic));
  const auto topic_id = topic->id;
  TIDELOG_TRY(auto batch, prepare_batch(wanted));
  auto versions = protocol::produce_request::versions;
  // From version 13 on topics are named by ids.
  if (topic_id.is_zero()) versions.max = 12;
  std::vector<raw_connection> opened;
  for (std::size_t i = 0; i < static_cast<std::size_t>(wanted.connections); ++i) {
    TIDELOG_TRY(auto connection, connect_to_leader(cluster, partitions[i % partitions.size()],
                                                   protocol::api_key::produce, versions));
    opened.push_back(std::move(connection));
  }
  const auto version = opened.front().version;
  const auto error_position = find_error_code(partitions.front(), version);
  auto settings = settings_of(wanted);
  settings.answers = wanted.acks == client::acks::none ? answers::none : answers::looked_at;
  settings.check = [error_position, version](base::byte_span answer) -> base::status {
    if (answer.size() >= error_position + sizeof(std::int16_t) &&
        base::load_big_endian<std::int16_t>(answer.data() + error_position) == 0)
      return {};
    return explain(answer, version);
  };
  // Each connection writes to the partitions that fall to it in turn, or to the one that it shares with others.
  const std::size_t ring_count = std::min(opened.size(), partitions.size());
  std::vector<std::vector<prepared_request>> requests(ring_count);
  for (std::size_t i = 0; i < partitions.size(); ++i)
    requests[i % ring_count].push_back(prepare_request(partitions[i], topic_id, wanted, version, batch));
  std::vector<request_ring> rings;
  rings.reserve(ring_count);
  for (auto& each : requests)
    rings.push_back(std::make_shared<const std::vector<prepared_request>>(std::move(each)));
  auto loops = make_loops(wanted, settings);
  for (std::size_t i = 0; i < opened.size(); ++i)
    loops[i % loops.size()]->add(std::move(opened[i].socket), rings[i % ring_count], 0);
  TIDELOG_TRY(auto report, run_loops(wanted, settings, loops));
  report.latency_of = "produce";
  std::vector<bench_report> reports;
  reports.push_back(std::move(report));
  return reports;
}

}  // namespace tidelog::tools
