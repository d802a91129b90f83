// What every request costs before anything is done for it: CRC, decoding, encoding, batch checks.

#include <benchmark/benchmark.h>

#include "tidelog/base/crc32c.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/headers.hpp"
#include "tidelog/protocol/produce.hpp"

namespace {

using namespace tidelog;

std::vector<std::byte> batch_of(std::size_t bytes, std::size_t record_bytes) {
  const std::vector<std::byte> value(record_bytes, std::byte{'v'});
  model::record_batch_builder builder;
  do {
    builder.add(model::timestamp(1'700'000'000'000), {}, base::byte_view(value));
  } while (builder.size_bytes() + record_bytes < bytes);
  return builder.build();
}

protocol::produce_request produce_of(base::byte_span batch) {
  protocol::produce_request request;
  request.acks = -1;
  request.timeout_ms = 30'000;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "orders";
  auto& partition = topic.partition_data.emplace_back();
  partition.records.bytes = batch;
  partition.records.present = true;
  return request;
}

void crc32c(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{'c'});
  for (auto _ : state) benchmark::DoNotOptimize(base::crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32c)->Arg(256)->Arg(16 * 1024)->Arg(256 * 1024);

void decode_produce_request(benchmark::State& state) {
  auto batch = batch_of(static_cast<std::size_t>(state.range(0)), 100);
  auto frame = protocol::encode_request(1, "client", produce_of(batch), 12).memory;
  const auto body = base::byte_span(frame).subspan(sizeof(std::int32_t));
  for (auto _ : state) {
    const auto header = protocol::decode_request_header(body);
    benchmark::DoNotOptimize(protocol::decode_request<protocol::produce_request>(*header));
  }
}
BENCHMARK(decode_produce_request)->Arg(256)->Arg(256 * 1024);

void encode_produce_response(benchmark::State& state) {
  protocol::produce_response response;
  auto& topic = response.responses.emplace_back();
  topic.name = "orders";
  topic.partition_responses.emplace_back().base_offset = 1234567;
  for (auto _ : state) benchmark::DoNotOptimize(protocol::encode_response(1, response, 12));
}
BENCHMARK(encode_produce_response);

void encode_fetch_response(benchmark::State& state) {
  auto batch = batch_of(16 * 1024, 1000);
  protocol::fetch_response response;
  auto& topic = response.responses.emplace_back();
  topic.topic = "orders";
  for (int i = 0; i < state.range(0); ++i) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = i;
    partition.records.bytes = batch;
    partition.records.present = true;
  }
  for (auto _ : state) benchmark::DoNotOptimize(protocol::encode_response(1, response, 12));
}
BENCHMARK(encode_fetch_response)->Arg(1)->Arg(16);

void build_batch(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(batch_of(bytes, 100));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(build_batch)->Arg(256)->Arg(16 * 1024);

void walk_records(benchmark::State& state) {
  const auto bytes = batch_of(static_cast<std::size_t>(state.range(0)), 100);
  const auto batch = model::parse_record_batch(bytes);
  for (auto _ : state) {
    model::record_reader reader(batch->records(), batch->record_count());
    while (const auto record = reader.next()) {
      if (!*record) break;
      benchmark::DoNotOptimize(**record);
    }
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(walk_records)->Arg(256)->Arg(16 * 1024)->Arg(256 * 1024);

}  // namespace
