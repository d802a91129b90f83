// One record at a time from a producer to a consumer whose fetch waits for it at the broker.

#include "bench_options.hpp"
#include "cli_context.hpp"

#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/produce.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <thread>

namespace tidelog::tools {
namespace {

constexpr std::chrono::milliseconds longest_wait{10'000};

/// A producer and a consumer on one partition, in one thread.
class pair_of_clients {
 public:
  pair_of_clients(const bench_options& wanted, const load_settings& settings, model::topic_partition at,
                  model::topic_id id, prepared_batch batch)
      : wanted_(wanted), settings_(settings), at_(std::move(at)), id_(id), batch_(std::move(batch)) {}

  base::status connect(client::cluster& cluster) {
    const auto& options = cluster.options().connection;
    TIDELOG_TRY(const auto leader, cluster.leader_of(at_));
    for (const auto& broker : cluster.brokers()) {
      if (broker.id != leader) continue;
      TIDELOG_TRY(producer_, client::connection::open(broker.address, options));
      TIDELOG_TRY(consumer_, client::connection::open(broker.address, options));
    }
    if (!producer_) return base::fail(client::client_errc::no_leader, "{}", at_.text());
    TIDELOG_TRY(const auto end, client::list_offsets(cluster, std::span(&at_, 1), client::latest_offset));
    next_ = end.front().offset;
    const std::int16_t ceiling = id_.is_zero() ? std::int16_t{12} : codec::never;
    auto produces = protocol::produce_request::versions;
    auto fetches = protocol::fetch_request::versions;
    produces.max = std::min(produces.max, ceiling);
    fetches.max = std::min(fetches.max, ceiling);
    TIDELOG_TRY(produce_version_, producer_->version_of(protocol::api_key::produce, produces));
    TIDELOG_TRY(fetch_version_, consumer_->version_of(protocol::api_key::fetch, fetches));
    return {};
  }

  base::status run() {
    auto due = std::chrono::steady_clock::now();
    while (due < settings_.end && !interrupted()) {
      TIDELOG_DO(send_fetch());
      if (settings_.interval) std::this_thread::sleep_until(due);
      const auto sent = settings_.interval ? due : std::chrono::steady_clock::now();
      TIDELOG_DO(send_produce());
      TIDELOG_DO(wait_for_both(sent));
      due = settings_.interval ? due + *settings_.interval : std::chrono::steady_clock::now();
    }
    return {};
  }

  load_result acknowledged;
  load_result delivered;

 private:
  base::status send_fetch() {
    protocol::fetch_request request;
    request.max_wait_ms = static_cast<std::int32_t>(longest_wait.count());
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    auto& topic = request.topics.emplace_back();
    topic.topic = at_.topic;
    topic.topic_id = id_;
    auto& partition = topic.partitions.emplace_back();
    partition.partition = at_.partition.value();
    partition.fetch_offset = next_.value();
    partition.partition_max_bytes = 1 << 20;
    return consumer_->send(request, fetch_version_);
  }

  base::status send_produce() {
    protocol::produce_request request;
    request.acks = static_cast<std::int16_t>(wanted_.acks);
    request.timeout_ms = 30'000;
    auto& topic = request.topic_data.emplace_back();
    topic.name = at_.topic;
    topic.topic_id = id_;
    auto& partition = topic.partition_data.emplace_back();
    partition.index = at_.partition.value();
    partition.records.bytes = batch_.bytes;
    partition.records.present = true;
    return producer_->send(request, produce_version_);
  }

  base::status wait_for_both(time_point sent) {
    std::array<pollfd, 2> waiting{};
    waiting[0] = {producer_->descriptor(), POLLIN, 0};
    waiting[1] = {consumer_->descriptor(), POLLIN, 0};
    while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
      const auto ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(longest_wait.count()));
      const auto now = std::chrono::steady_clock::now();
      if (ready == 0) return base::fail(client::client_errc::timed_out, "waiting for a record to come round");
      if (ready < 0 && errno != EINTR) return base::fail_errno(errno, "poll");
      if (ready < 0) continue;
      if (waiting[0].revents != 0) {
        TIDELOG_DO(take_acknowledgement());
        count(acknowledged, now, sent);
        waiting[0] = {-1, 0, 0};
      }
      if (waiting[1].revents != 0) {
        TIDELOG_TRY(const bool came, take_record());
        if (came) {
          count(delivered, now, sent);
          waiting[1] = {-1, 0, 0};
        } else {
          TIDELOG_DO(send_fetch());
        }
      }
    }
    return {};
  }

  void count(load_result& into, time_point now, time_point sent) const {
    if (now < settings_.begin || now > settings_.end) return;
    into.latencies.add(now - sent);
    into.requests += 1;
    into.payload_bytes += batch_.bytes.size();
  }

  base::status take_acknowledgement() {
    TIDELOG_TRY(const auto got, producer_->receive<protocol::produce_request>());
    if (got->responses.empty() || got->responses[0].partition_responses.empty())
      return base::fail(client::client_errc::malformed_answer, "produce");
    const auto& answered = got->responses[0].partition_responses[0];
    return client::check_answer(answered.error_code, at_.text(), answered.error_message.value_or(""));
  }

  base::result<bool> take_record() {
    TIDELOG_TRY(const auto got, consumer_->receive<protocol::fetch_request>());
    TIDELOG_DO(client::check_answer(got->error_code, "fetch"));
    if (got->responses.empty() || got->responses[0].partitions.empty()) return false;
    const auto& answered = got->responses[0].partitions[0];
    TIDELOG_DO(client::check_answer(answered.error_code, at_.text()));
    if (answered.records.bytes.empty()) return false;
    TIDELOG_TRY(const auto batch, model::parse_record_batch(answered.records.bytes));
    next_ = batch.next_offset();
    return true;
  }

  const bench_options& wanted_;
  const load_settings& settings_;
  model::topic_partition at_;
  model::topic_id id_;
  prepared_batch batch_;
  model::offset next_{0};
  std::unique_ptr<client::connection> producer_;
  std::unique_ptr<client::connection> consumer_;
  std::int16_t produce_version_ = 0;
  std::int16_t fetch_version_ = 0;
};

}  // namespace

base::result<std::vector<bench_report>> bench_round_trip(client::cluster& cluster,
                                                         const bench_options& wanted) {
  if (wanted.acks == client::acks::none) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "round-trip waits for acknowledgements: --acks 1 or all");
  }
  TIDELOG_TRY(const auto partitions, ensure_topic(cluster, wanted));
  if (partitions.size() < static_cast<std::size_t>(wanted.connections)) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "round-trip wants a partition for each of the {} connections; {} has {}",
                      wanted.connections, wanted.topic, partitions.size());
  }
  TIDELOG_TRY(const auto batch, prepare_batch(wanted));
  TIDELOG_TRY(const auto* const topic, cluster.topic(wanted.topic));
  const auto id = topic->id;
  auto settings = settings_of(wanted);
  std::vector<std::unique_ptr<pair_of_clients>> pairs;
  for (std::size_t i = 0; i < static_cast<std::size_t>(wanted.connections); ++i) {
    pairs.push_back(std::make_unique<pair_of_clients>(wanted, settings, partitions[i], id, batch));
    TIDELOG_DO(pairs.back()->connect(cluster));
  }
  watch_for_interrupt();
  std::vector<base::status> outcomes(pairs.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    threads.emplace_back([&outcomes, &pairs, i] { outcomes[i] = pairs[i]->run(); });
  std::this_thread::sleep_until(settings.begin);
  const auto before = processor_seconds(wanted.server_pid);
  std::this_thread::sleep_until(settings.end);
  const auto after = processor_seconds(wanted.server_pid);
  for (auto& thread : threads) thread.join();
  for (auto& outcome : outcomes)
    if (!outcome) return base::forward_error(outcome);
  std::vector<bench_report> reports(2);
  reports[0].latency_of = "produce to its acknowledgement";
  reports[1].latency_of = "produce to the waiting fetch";
  for (auto& report : reports)
    report.seconds = std::chrono::duration<double>(settings.end - settings.begin).count();
  if (before && after) reports[0].server_processor_seconds = *after - *before;
  for (const auto& pair : pairs) {
    for (auto [report, from] :
         {std::pair(&reports[0], &pair->acknowledged), std::pair(&reports[1], &pair->delivered)}) {
      report->load.latencies.merge(from->latencies);
      report->load.requests += from->requests;
      report->load.payload_bytes += from->payload_bytes;
    }
  }
  return reports;
}

}  // namespace tidelog::tools
