#include "tidelog/client/cluster.hpp"

#include "tidelog/protocol/metadata.hpp"

#include <algorithm>
#include <thread>

namespace tidelog::client {
namespace {

std::vector<model::broker_id> ids_of(const std::vector<std::int32_t>& numbers) {
  std::vector<model::broker_id> ids;
  ids.reserve(numbers.size());
  for (const auto number : numbers) ids.emplace_back(number);
  return ids;
}

topic_metadata from_wire(const protocol::metadata_response_topic& topic) {
  topic_metadata made;
  made.name = topic.name.value_or(std::string{});
  made.id = topic.topic_id;
  made.kind = topic.is_internal ? topic_kind::internal : topic_kind::ordinary;
  for (const auto& partition : topic.partitions) {
    made.partitions.push_back({model::partition_index(partition.partition_index),
                               model::broker_id(partition.leader_id),
                               model::leader_epoch(partition.leader_epoch), ids_of(partition.replica_nodes),
                               ids_of(partition.isr_nodes), ids_of(partition.offline_replicas)});
  }
  std::sort(made.partitions.begin(), made.partitions.end(),
            [](const auto& left, const auto& right) { return left.index < right.index; });
  return made;
}

/// What a person can do about a broker that cannot be reached.
std::string advice(const base::error& failure) {
  if (failure.code == std::errc::connection_refused) return " Is tidelogd running, and listening there?";
  if (failure.code == client_errc::unknown_host) return " Is the name right?";
  if (failure.code == client_errc::timed_out) return " Is a firewall in between?";
  if (failure.code == client_errc::connection_closed || failure.code == client_errc::malformed_answer)
    return " Is it a Kafka listener without TLS?";
  return {};
}

}  // namespace

base::result<std::unique_ptr<cluster>> cluster::connect(std::vector<broker_address> bootstrap,
                                                        const cluster_options& options) {
  std::unique_ptr<cluster> made(new cluster(std::move(bootstrap), options));
  TIDELOG_DO(made->open_bootstrap());
  TIDELOG_DO(made->refresh_brokers());
  return made;
}

base::result<connection*> cluster::open_bootstrap() {
  if (bootstrap_connection_ && bootstrap_connection_->is_usable()) return bootstrap_connection_.get();
  std::string told;
  for (const auto& address : bootstrap_) {
    auto opened = connection::open(address, options_.connection);
    if (opened) {
      bootstrap_connection_ = std::move(*opened);
      return bootstrap_connection_.get();
    }
    if (!told.empty()) told += "; ";
    told += fmt::format("cannot connect to {}: {}.{}", address.text(), opened.error().code.message(),
                        advice(opened.error()));
  }
  return base::fail(client_errc::no_broker, "{}", told);
}

base::result<std::vector<topic_metadata>> cluster::refresh(
    std::optional<std::span<const std::string>> names) {
  protocol::metadata_request request;
  request.allow_auto_topic_creation = false;
  if (names) {
    request.topics.emplace();
    for (const auto& name : *names) request.topics->push_back({.topic_id = {}, .name = name});
  }
  TIDELOG_TRY(const auto got, ask_any(request));
  TIDELOG_DO(check_answer(got->error_code, "metadata"));
  id_ = got->cluster_id.value_or(std::string{});
  controller_ = model::broker_id(got->controller_id);
  brokers_.clear();
  for (const auto& broker : got->brokers) {
    brokers_.push_back({model::broker_id(broker.node_id),
                        {broker.host, static_cast<std::uint16_t>(broker.port)},
                        broker.rack});
  }
  std::vector<topic_metadata> topics;
  for (const auto& topic : got->topics) {
    const auto name = topic.name.value_or(std::string{});
    if (topic.error_code == protocol::error_code::unknown_topic_or_partition)
      return base::fail(client_errc::unknown_topic, "{}", name);
    TIDELOG_DO(check_answer(topic.error_code, name));
    topics.push_back(from_wire(topic));
    topics_[name] = topics.back();
  }
  return topics;
}

base::status cluster::refresh_brokers() {
  TIDELOG_DO(refresh(std::span<const std::string>{}));
  return {};
}

base::result<std::vector<topic_metadata>> cluster::all_topics() {
  TIDELOG_TRY(auto topics, refresh(std::nullopt));
  std::sort(topics.begin(), topics.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  return topics;
}

base::result<topic_metadata> cluster::topic_as_it_is(const std::string& name) {
  TIDELOG_DO(refresh(std::span(&name, 1)));
  return topics_[name];
}

base::result<const topic_metadata*> cluster::topic(const std::string& name) {
  if (const auto known = topics_.find(name); known != topics_.end()) return &known->second;
  return retrying([&]() -> base::result<const topic_metadata*> {
    TIDELOG_DO(refresh(std::span(&name, 1)));
    const auto& found = topics_[name];
    const bool led = std::all_of(found.partitions.begin(), found.partitions.end(),
                                 [](const auto& partition) { return partition.leader.value() >= 0; });
    if (!led) return base::fail(client_errc::no_leader, "{}", name);
    return &found;
  });
}

base::result<model::broker_id> cluster::leader_of(const model::topic_partition& at) {
  TIDELOG_TRY(const auto* const found, topic(at.topic));
  for (const auto& partition : found->partitions) {
    if (partition.index != at.partition) continue;
    if (partition.leader.value() >= 0) return partition.leader;
    // Whoever asks again wants to know what holds then.
    forget(at.topic);
    return base::fail(client_errc::no_leader, "{}", at.text());
  }
  return base::fail(client_errc::unknown_partition, "{}: {} has {} partitions, numbered from 0",
                    at.partition.value(), at.topic, found->partitions.size());
}

base::result<connection*> cluster::to_broker(model::broker_id id) {
  const auto open = connections_.find(id);
  if (open != connections_.end() && open->second->is_usable()) return open->second.get();
  const auto broker =
      std::find_if(brokers_.begin(), brokers_.end(), [id](const auto& known) { return known.id == id; });
  if (broker == brokers_.end()) return base::fail(client_errc::no_leader, "broker {} is unknown", id.value());
  // The bootstrap connection is as good as any other when it leads to the right broker.
  if (bootstrap_connection_ && bootstrap_connection_->is_usable() &&
      bootstrap_connection_->address() == broker->address)
    return bootstrap_connection_.get();
  auto opened = connection::open(broker->address, options_.connection);
  if (!opened) {
    opened.error().context = fmt::format("broker {} is advertised as {}, which cannot be reached", id.value(),
                                         broker->address.text());
    return base::forward_error(opened);
  }
  return (connections_[id] = std::move(*opened)).get();
}

base::result<connection*> cluster::to_any() {
  for (const auto& [id, peer] : connections_)
    if (peer->is_usable()) return peer.get();
  return open_bootstrap();
}

bool cluster::wait_to_retry(const base::error& failure, deadline until, std::chrono::milliseconds& backoff) {
  if (!is_retriable(failure.code) || std::chrono::steady_clock::now() + backoff >= until) return false;
  if (options_.is_given_up()) return false;
  // Nobody is there yet: whoever starts a broker and a client together wants to see why nothing happens soon.
  // A broker that was there may come back.
  if (failure.code == client_errc::no_broker && brokers_.empty()) return false;
  std::this_thread::sleep_for(backoff);
  backoff = std::min(backoff * 2, options_.longest_backoff);
  return true;
}

void cluster::drop_connection(const connection* broken) {
  if (bootstrap_connection_.get() == broken) {
    bootstrap_connection_.reset();
    return;
  }
  std::erase_if(connections_, [broken](const auto& entry) { return entry.second.get() == broken; });
}

}  // namespace tidelog::client
