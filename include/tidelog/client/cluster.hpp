#pragma once
// A cluster as a client sees it: brokers, topics and who leads their partitions, found out from a bootstrap list and
// asked again when an answer shows that it has changed.

#include "tidelog/client/connection.hpp"
#include "tidelog/model/types.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidelog::client {

using partition_list = std::vector<model::topic_partition>;

struct cluster_options {
  connection_options connection;
  /// How long a call goes on trying while failures are retriable.
  std::chrono::milliseconds retry_for{30'000};
  std::chrono::milliseconds first_backoff{50};
  std::chrono::milliseconds longest_backoff{1'000};
  /// Asked before something is tried again: true lets it fail at once. What is tried first is always tried.
  std::function<bool()> is_given_up = [] { return false; };
};

struct broker_metadata {
  model::broker_id id;
  broker_address address;
  std::optional<std::string> rack;
};

enum class partition_state {
  online,
  recovering,  ///< has no leader yet; passes by itself
  offline,     ///< and no replica that could become one
};

struct partition_metadata {
  model::partition_index index;
  model::broker_id leader{-1};  ///< -1 while there is none
  model::leader_epoch leader_epoch = model::no_leader_epoch;
  std::vector<model::broker_id> replicas;
  std::vector<model::broker_id> in_sync_replicas;
  std::vector<model::broker_id> offline_replicas;

  [[nodiscard]] partition_state state() const {
    if (leader.value() >= 0) return partition_state::online;
    return offline_replicas.empty() ? partition_state::recovering : partition_state::offline;
  }
};

enum class topic_kind { ordinary, internal };

struct topic_metadata {
  std::string name;
  model::topic_id id;  ///< zero where the broker is too old to have ids
  topic_kind kind = topic_kind::ordinary;
  std::vector<partition_metadata> partitions;  ///< in the order of their indexes
};

/// One connection to each broker, opened when first needed and again after it broke. One thread at a time.
class cluster {
 public:
  /// Connects to the first broker of the list that can be reached and learns the brokers from it. Fails with no_broker,
  /// telling for every address what happened.
  [[nodiscard]] static base::result<std::unique_ptr<cluster>> connect(std::vector<broker_address> bootstrap,
                                                                      const cluster_options& options);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] model::broker_id controller() const { return controller_; }
  [[nodiscard]] const std::vector<broker_metadata>& brokers() const { return brokers_; }

  /// Asks which brokers there are.
  [[nodiscard]] base::status refresh_brokers();
  /// Asks for all topics.
  [[nodiscard]] base::result<std::vector<topic_metadata>> all_topics();
  /// Asks for a topic, whether its partitions have leaders or not. Fails with unknown_topic.
  [[nodiscard]] base::result<topic_metadata> topic_as_it_is(const std::string& name);
  /// What is known of a topic, asked for where nothing is. Retries while it has no leaders. Fails with unknown_topic.
  [[nodiscard]] base::result<const topic_metadata*> topic(const std::string& name);
  /// True when topic() will answer without asking.
  [[nodiscard]] bool knows(const std::string& name) const { return topics_.contains(name); }
  /// Forgets what is known of a topic: the next use asks.
  void forget(const std::string& name) { topics_.erase(name); }
  /// Fails with unknown_topic or unknown_partition.
  [[nodiscard]] base::result<model::broker_id> leader_of(const model::topic_partition& at);

  /// A live connection; it belongs to the cluster and lasts until drop().
  [[nodiscard]] base::result<connection*> to_broker(model::broker_id id);
  [[nodiscard]] base::result<connection*> to_any();
  void drop(model::broker_id id) { connections_.erase(id); }

  /// Repeats `attempt`, which returns a result, until it succeeds, fails for good, or the options' time is over.
  template <class Attempt>
  [[nodiscard]] auto retrying(Attempt&& attempt) -> decltype(attempt());

  /// Asks any broker, with retries when the connection breaks.
  template <class Request>
  [[nodiscard]] base::result<answer<Request>> ask_any(const Request& request);
  /// Asks one broker, once; a connection that broke is opened anew the next time.
  template <class Request>
  [[nodiscard]] base::result<answer<Request>> ask(model::broker_id id, const Request& request);

  [[nodiscard]] const cluster_options& options() const { return options_; }

 private:
  cluster(std::vector<broker_address> bootstrap, const cluster_options& options)
      : bootstrap_(std::move(bootstrap)), options_(options) {}
  [[nodiscard]] base::result<connection*> open_bootstrap();
  [[nodiscard]] base::result<std::vector<topic_metadata>> refresh(
      std::optional<std::span<const std::string>> names);
  [[nodiscard]] bool wait_to_retry(const base::error& failure, deadline until,
                                   std::chrono::milliseconds& backoff);
  void drop_connection(const connection* broken);

  std::vector<broker_address> bootstrap_;
  cluster_options options_;
  std::string id_;
  model::broker_id controller_{-1};
  std::vector<broker_metadata> brokers_;
  std::map<std::string, topic_metadata> topics_;
  std::map<model::broker_id, std::unique_ptr<connection>> connections_;
  std::unique_ptr<connection> bootstrap_connection_;
};

template <class Attempt>
auto cluster::retrying(Attempt&& attempt) -> decltype(attempt()) {
  const auto until = after(options_.retry_for);
  auto backoff = options_.first_backoff;
  for (;;) {
    auto outcome = attempt();
    if (outcome || !wait_to_retry(outcome.error(), until, backoff)) return outcome;
  }
}

template <class Request>
base::result<answer<Request>> cluster::ask(model::broker_id id, const Request& request) {
  TIDELOG_TRY(connection* const peer, to_broker(id));
  auto outcome = peer->call(request);
  if (!outcome && !peer->is_usable()) drop_connection(peer);
  return outcome;
}

template <class Request>
base::result<answer<Request>> cluster::ask_any(const Request& request) {
  return retrying([&]() -> base::result<answer<Request>> {
    TIDELOG_TRY(connection* const peer, to_any());
    auto outcome = peer->call(request);
    if (!outcome && !peer->is_usable()) drop_connection(peer);
    return outcome;
  });
}

}  // namespace tidelog::client
