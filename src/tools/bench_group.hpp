#pragma once
// What the programs of `tidelog-bench group` share: members of groups as clients are, but without anything to read.

#include "bench_options.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "tidelog/client/connection.hpp"
#include "tidelog/protocol/consumer_group_heartbeat.hpp"
#include "tidelog/protocol/join_group.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidelog::tools {

/// What a program has to say, in both forms.
struct group_report {
  nlohmann::json document;
  std::string text;
};

/// The broker that coordinates the groups of a run. There must be one for all: a run is against a single broker.
class group_field {
 public:
  /// Makes the topic where it is missing, and waits until groups can be used. Group ids begin with what no other run has.
  [[nodiscard]] static base::result<group_field> prepare(client::cluster& cluster,
                                                         const bench_options& wanted);

  [[nodiscard]] std::string group_id(std::size_t index) const {
    return prefix_ + "-" + std::to_string(index);
  }
  [[nodiscard]] const std::string& topic() const { return topic_; }
  [[nodiscard]] const model::topic_id& topic_id() const { return topic_id_; }
  [[nodiscard]] std::int32_t partition_count() const { return partition_count_; }
  [[nodiscard]] base::result<std::unique_ptr<client::connection>> connect() const;
  [[nodiscard]] base::result<std::vector<std::unique_ptr<client::connection>>> connect(
      std::size_t count) const;
  /// Removes the groups, which have no members any more.
  [[nodiscard]] base::status delete_groups(std::size_t count) const;

 private:
  explicit group_field(client::cluster& cluster) : cluster_(&cluster) {}

  client::cluster* cluster_;
  std::string prefix_;
  std::string topic_;
  model::topic_id topic_id_;
  std::int32_t partition_count_ = 0;
  client::broker_address coordinator_;
};

/// A classic group whose members each have a connection, which they may share with members of other groups only: an
/// answer that waits for the others holds up everything behind it. The connections must outlive it.
class classic_bench_group {
 public:
  struct place {
    client::connection* via = nullptr;
    std::string member_id;
    std::int32_t generation = -1;
  };

  classic_bench_group(std::string id, const group_field& field, std::vector<client::connection*> connections);

  /// Brings all members into one generation, and this to its assignment.
  [[nodiscard]] base::status join();
  /// Once more: the leader joins again, then the others but one. Returns how long it took from the last one's join to
  /// the last assignment.
  [[nodiscard]] base::result<std::chrono::nanoseconds> rebalance();
  [[nodiscard]] base::status leave();
  /// Goes on over another connection, with what does not wait for others.
  void use(client::connection& other) {
    for (auto& each : members_) each.via = &other;
  }

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::vector<place>& members() const { return members_; }

 private:
  enum class stage { idle, joining, syncing };
  [[nodiscard]] base::status take_ids();
  [[nodiscard]] base::status send_join(std::size_t index);
  [[nodiscard]] base::status send_sync(std::size_t index, const protocol::join_group_response& joined);
  [[nodiscard]] base::status receive(std::size_t index);
  [[nodiscard]] base::status receive_join(std::size_t index);
  [[nodiscard]] base::status receive_sync(std::size_t index);
  [[nodiscard]] base::status settle();
  [[nodiscard]] base::status wait_for_rebalance(std::size_t index);

  std::string id_;
  const group_field* field_;
  std::vector<std::byte> subscription_;
  std::vector<place> members_;
  std::vector<stage> stages_;
  std::size_t leader_ = 0;
};

/// A group of the consumer protocol, each member on a connection of its own. The connections must outlive it.
class consumer_bench_group {
 public:
  consumer_bench_group(std::string id, const group_field& field,
                       std::vector<client::connection*> connections);
  /// All members join at once. Returns how long it took from the last one's first heartbeat until all partitions were
  /// theirs, acknowledged, in one epoch.
  [[nodiscard]] base::result<std::chrono::nanoseconds> join();
  [[nodiscard]] base::status leave();

 private:
  struct member {
    client::connection* via = nullptr;
    std::string id;
    std::int32_t epoch = 0;
    std::vector<std::int32_t> owned;
    bool waits = false;    ///< for an answer
    bool told = false;     ///< the broker has been sent what is owned
    bool settled = false;  ///< the broker has answered that with nothing new
    time_point next;
  };
  [[nodiscard]] base::status send(member& from) const;
  [[nodiscard]] base::status receive(member& at) const;
  [[nodiscard]] bool is_stable() const;

  std::string id_;
  const group_field* field_;
  std::vector<member> members_;
};

/// Joins classic groups of --members, one after the other: those with the indexes from `first` to before `end`. The
/// connections are shared out in sets of as many as a group has members; the groups take the sets in turn.
[[nodiscard]] base::status join_groups(const group_field& field, const bench_options& wanted,
                                       const std::vector<std::unique_ptr<client::connection>>& connections,
                                       std::size_t first, std::size_t end,
                                       std::vector<classic_bench_group>& into);

/// Where the first error code stands in an answer, without its size: `of` makes an answer with an error code, encoded.
template <class Encode>
[[nodiscard]] std::size_t position_of_error_code(const Encode& encode) {
  const std::vector<std::byte> fine = encode(protocol::error_code::none);
  const std::vector<std::byte> failed = encode(protocol::error_code::unknown_server_error);
  const auto differs = std::mismatch(fine.begin(), fine.end(), failed.begin());
  return static_cast<std::size_t>(differs.first - fine.begin()) - sizeof(std::int32_t);
}
/// A check that looks at the error code at that position, which is none in answers that are fine.
[[nodiscard]] std::function<base::status(base::byte_span)> check_error_code_at(std::size_t position,
                                                                               std::string what);

[[nodiscard]] base::result<group_report> bench_group_heartbeats(client::cluster& cluster,
                                                                const bench_options& wanted);
[[nodiscard]] base::result<group_report> bench_group_rebalance(client::cluster& cluster,
                                                               const bench_options& wanted);
[[nodiscard]] base::result<group_report> bench_group_commits(client::cluster& cluster,
                                                             const bench_options& wanted);
[[nodiscard]] base::result<group_report> bench_group_memory(client::cluster& cluster,
                                                            const bench_options& wanted);

using group_program = base::result<group_report> (*)(client::cluster&, const bench_options&);
/// Adds `group` with its programs below. `choose` is told which one the command line wants; options of all programs that
/// this one would do nothing with are refused then.
void add_group_programs(CLI::App& root, bench_options& options, std::string& heartbeat_interval,
                        const std::function<void(group_program)>& choose);

}  // namespace tidelog::tools
