#include "bench_options.hpp"
#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/base/clock.hpp"
#include "tidelog/tools/quantity.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>
#include <thread>
#include <unistd.h>

namespace tidelog::tools {
namespace {

/// A value that compresses about as text does.
std::vector<std::byte> made_up_value(std::size_t bytes) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<int> letter('a', 'z');
  std::vector<std::byte> value(bytes);
  for (auto& one : value) one = static_cast<std::byte>(letter(random));
  return value;
}

}  // namespace

base::result<prepared_batch> prepare_batch(const bench_options& wanted) {
  model::record_batch_builder builder;
  const auto now = model::timestamp(base::system_clock().now_ms());
  auto value = made_up_value(std::max(wanted.record_bytes, wanted.batch_bytes));
  const auto whole = base::byte_view(value);
  const auto most = model::record_batch_builder::most_bytes_of({}, whole.first(wanted.record_bytes));
  // The last record is as long as is left, so that the batch has the size asked for.
  while (builder.size_bytes() + 2 * most <= wanted.batch_bytes)
    builder.add(now, {}, whole.first(wanted.record_bytes));
  std::size_t last = 0;
  if (wanted.batch_bytes > builder.size_bytes()) {
    last = wanted.batch_bytes - builder.size_bytes();
    const auto fits = [&](std::size_t bytes) {
      auto trial = builder;
      trial.add(now, {}, whole.first(bytes));
      return trial.size_bytes() <= wanted.batch_bytes;
    };
    while (last > 0 && !fits(last)) --last;
  }
  builder.add(now, {}, whole.first(last));
  prepared_batch batch;
  batch.record_count = builder.record_count();
  batch.bytes = builder.build();
  TIDELOG_DO(client::compress_batch(batch.bytes, wanted.compression, {}));
  return batch;
}

base::result<raw_connection> connect_to_leader(client::cluster& cluster, const model::topic_partition& at,
                                               protocol::api_key api, codec::version_range ours) {
  TIDELOG_TRY(const auto leader, cluster.leader_of(at));
  for (const auto& broker : cluster.brokers()) {
    if (broker.id != leader) continue;
    TIDELOG_TRY(auto opened, client::connection::open(broker.address, cluster.options().connection));
    TIDELOG_TRY(const auto version, opened->version_of(api, ours));
    return raw_connection{std::move(*opened).release(), version};
  }
  return base::fail(client::client_errc::no_leader, "{}", at.text());
}

base::result<std::vector<model::topic_partition>> ensure_topic(client::cluster& cluster,
                                                               const bench_options& wanted) {
  auto known = cluster.topic(wanted.topic);
  if (!known && known.error().code == client::client_errc::unknown_topic) {
    TIDELOG_DO(client::create_topic(cluster, {.name = wanted.topic,
                                              .partition_count = wanted.partition_count,
                                              .replication_factor = -1,
                                              .configs = wanted.topic_configs}));
    known = cluster.topic(wanted.topic);
  }
  if (!known) return base::forward_error(known);
  std::vector<model::topic_partition> partitions;
  for (const auto& partition : (*known)->partitions) partitions.push_back({wanted.topic, partition.index});
  return partitions;
}

load_settings settings_of(const bench_options& wanted) {
  load_settings settings;
  settings.depth = wanted.depth;
  settings.begin = std::chrono::steady_clock::now() + wanted.warm_up;
  settings.end = settings.begin + wanted.duration;
  if (wanted.rate > 0) {
    settings.interval =
        std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * wanted.connections / wanted.rate));
  }
  return settings;
}

std::vector<std::unique_ptr<load_loop>> make_loops(const bench_options& wanted,
                                                   const load_settings& settings) {
  std::vector<std::unique_ptr<load_loop>> loops;
  loops.reserve(static_cast<std::size_t>(wanted.threads));
  for (int i = 0; i < wanted.threads; ++i) loops.push_back(std::make_unique<load_loop>(settings));
  return loops;
}

base::result<bench_report> run_loops(const bench_options& wanted, const load_settings& settings,
                                     std::vector<std::unique_ptr<load_loop>>& loops) {
  watch_for_interrupt();
  std::vector<base::status> outcomes(loops.size());
  std::atomic<std::size_t> running{loops.size()};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    threads.emplace_back([&, i] {
      outcomes[i] = loops[i]->run();
      running.fetch_sub(1);
    });
  }
  std::optional<double> before;
  bench_report report;
  std::uint64_t shown_requests = 0;
  std::uint64_t shown_bytes = 0;
  progress_line progress;
  auto shown_at = std::chrono::steady_clock::now();
  for (auto now = shown_at; running.load() > 0; now = std::chrono::steady_clock::now()) {
    if (!before && now >= settings.begin) before = processor_seconds(wanted.server_pid);
    // Read as late as possible: the loops are about to stop.
    if (now + std::chrono::milliseconds(3) >= settings.end && before && !report.server_processor_seconds) {
      std::this_thread::sleep_until(settings.end);
      if (const auto after = processor_seconds(wanted.server_pid))
        report.server_processor_seconds = *after - *before;
      report.server_resident_bytes = resident_bytes(wanted.server_pid);
    }
    if (interrupted())
      for (auto& loop : loops) loop->stop();
    if (progress.is_due()) {
      std::uint64_t requests = 0;
      std::uint64_t bytes = 0;
      for (const auto& loop : loops) {
        requests += loop->requests_so_far();
        bytes += loop->bytes_so_far();
      }
      const auto passed = std::chrono::duration<double>(now - shown_at).count();
      progress.show(fmt::format("{}  {:.0f} requests/s  {}/s",
                                now < settings.begin ? "warming up" : "measuring",
                                static_cast<double>(requests - shown_requests) / passed,
                                size_for_people(static_cast<double>(bytes - shown_bytes) / passed)));
      shown_requests = requests;
      shown_bytes = bytes;
      shown_at = now;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  for (auto& thread : threads) thread.join();
  for (auto& outcome : outcomes)
    if (!outcome) return base::forward_error(outcome);
  for (const auto& loop : loops) {
    report.load.latencies.merge(loop->result().latencies);
    report.load.requests += loop->result().requests;
    report.load.payload_bytes += loop->result().payload_bytes;
  }
  const auto ended = std::min(settings.end, std::chrono::steady_clock::now());
  report.seconds = std::max(0.0, std::chrono::duration<double>(ended - settings.begin).count());
  return report;
}

std::optional<double> processor_seconds(int pid) {
  clockid_t clock{};
  timespec spent{};
  if (pid <= 0 || ::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &spent) != 0)
    return std::nullopt;
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

std::optional<std::uint64_t> resident_bytes(int pid) {
  if (pid <= 0) return std::nullopt;
  auto* const file = std::fopen(fmt::format("/proc/{}/statm", pid).c_str(), "r");
  if (file == nullptr) return std::nullopt;
  unsigned long all = 0;
  unsigned long resident = 0;
  const bool read = std::fscanf(file, "%lu %lu", &all, &resident) == 2;
  std::fclose(file);
  if (!read) return std::nullopt;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

namespace {

constexpr std::array<std::pair<const char*, double>, 6> percentiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1.0}}};

}  // namespace

nlohmann::json latencies_as_json(const latency_histogram& of) {
  auto told = nlohmann::json::object();
  for (const auto& [name, part] : percentiles) told[name] = static_cast<double>(of.at(part).count()) / 1000;
  told["mean"] = static_cast<double>(of.mean().count()) / 1000;
  return told;
}

std::string latencies_as_text(const latency_histogram& of) {
  std::string text;
  for (const auto& [name, part] : percentiles)
    text += fmt::format(" {} {}", name, latency_for_people(of.at(part)));
  return text;
}

nlohmann::json to_json(const bench_options& wanted, const bench_report& report) {
  const auto requests = static_cast<double>(report.load.requests);
  const auto bytes = static_cast<double>(report.load.payload_bytes);
  const auto seconds = report.seconds > 0 ? report.seconds : 1;
  nlohmann::json document{
      {"program", wanted.program},
      {"latency_of", report.latency_of},
      {"loop", wanted.rate > 0 ? "open" : "closed"},
      {"rate", wanted.rate},
      {"connections", wanted.connections},
      {"depth", wanted.depth},
      {"batch_bytes", wanted.program == "fetch" ? wanted.fetch_bytes : wanted.batch_bytes},
      {"record_bytes", wanted.record_bytes},
      {"acks", static_cast<int>(wanted.acks)},
      {"compression", model::name_of(wanted.compression)},
      {"seconds", report.seconds},
      {"requests", report.load.requests},
      {"requests_per_s", requests / seconds},
      {"bytes_per_s", bytes / seconds},
      {"latency_us", latencies_as_json(report.load.latencies)}};
  if (const auto& spent = report.server_processor_seconds) {
    document["server_cpu_s"] = *spent;
    if (bytes > 0) document["server_cpu_s_per_gb"] = *spent / (bytes / 1e9);
    if (requests > 0) document["server_cpu_us_per_request"] = *spent * 1e6 / requests;
  }
  if (report.server_resident_bytes) document["server_resident_bytes"] = *report.server_resident_bytes;
  return document;
}

std::string to_text(const bench_options& wanted, const bench_report& report) {
  const auto seconds = report.seconds > 0 ? report.seconds : 1;
  const auto requests = static_cast<double>(report.load.requests);
  const auto bytes = static_cast<double>(report.load.payload_bytes);
  auto text =
      fmt::format("{} ({} loop, {} connections, depth {}): {:.0f} requests/s, {}/s over {:.1f} s\n  {}",
                  wanted.program, wanted.rate > 0 ? "open" : "closed", wanted.connections, wanted.depth,
                  requests / seconds, size_for_people(bytes / seconds), report.seconds, report.latency_of);
  text += latencies_as_text(report.load.latencies) + '\n';
  if (const auto& spent = report.server_processor_seconds) {
    text += fmt::format("  server: {:.2f} s of processor", *spent);
    if (bytes > 0)
      text += fmt::format(", {:.3f} s per GB, {:.2f} us per request", *spent / (bytes / 1e9),
                          *spent * 1e6 / requests);
    if (report.server_resident_bytes)
      text +=
          fmt::format(", {} resident", size_for_people(static_cast<double>(*report.server_resident_bytes)));
    text += '\n';
  }
  return text;
}

}  // namespace tidelog::tools
