#pragma once
// A consumer in a classic group: joins, is told its partitions, keeps itself alive, commits, leaves.

#include "tidelog/client/group_admin.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidelog::protocol {
struct join_group_response;
}

namespace tidelog::client {

struct group_member_options {
  std::string group;
  std::vector<std::string> topics;
  /// A static member keeps its partitions over a restart within the session timeout, and does not leave.
  std::optional<std::string> instance_id;
  std::chrono::milliseconds session_timeout{45'000};
  /// How long others may take to join again when the group rebalances.
  std::chrono::milliseconds rebalance_timeout{60'000};
  std::chrono::milliseconds heartbeat_interval{3'000};
  /// How often the member that assigns looks whether topics have more partitions now.
  std::chrono::milliseconds topic_check_interval{30'000};
};

/// What is to be done about the partitions that the member was told.
enum class membership {
  /// Go on reading.
  held,
  /// The group rebalances: commit what was read, then join().
  rebalancing,
  /// Others may read them already: forget what was read, then join().
  lost,
};

/// Blocks where a broker has to be waited for, and joins with the "range" assignor. Whoever owns it calls keep_alive()
/// more often than the heartbeat interval. One thread at a time; the cluster must outlive it.
class group_member {
 public:
  group_member(cluster& in, group_member_options options) : cluster_(in), options_(std::move(options)) {}
  group_member(const group_member&) = delete;
  group_member& operator=(const group_member&) = delete;

  /// Returns when the group has agreed on who reads what. Waits for the other members for as long as the rebalance
  /// timeout lets them.
  [[nodiscard]] base::status join();
  /// In order; what the last join() told.
  [[nodiscard]] const partition_list& assigned() const { return assigned_; }
  /// Sends a heartbeat when one is due.
  [[nodiscard]] base::result<membership> keep_alive();
  /// Commits offsets of assigned partitions.
  [[nodiscard]] base::result<membership> commit(std::span<const committed_offset> offsets);
  /// Lets the others have the partitions at once. A static member goes without a word.
  [[nodiscard]] base::status leave();

 private:
  using clock = std::chrono::steady_clock;
  enum class attempt { joined, again };
  template <class Request>
  [[nodiscard]] base::result<answer<Request>> ask_coordinator(const Request& request,
                                                              std::chrono::milliseconds extra_wait = {});
  [[nodiscard]] base::result<attempt> join_once();
  [[nodiscard]] base::result<attempt> synchronize(const protocol::join_group_response& joined);
  [[nodiscard]] base::result<attempt> begin_again(protocol::error_code code);
  [[nodiscard]] base::result<membership> judge(protocol::error_code code);
  [[nodiscard]] base::result<std::map<std::string, std::int32_t>> partition_counts(
      const std::vector<std::string>& topics);
  [[nodiscard]] base::result<bool> topics_have_changed();

  cluster& cluster_;
  group_member_options options_;
  std::optional<model::broker_id> coordinator_;
  std::string member_id_;
  std::int32_t generation_ = -1;
  partition_list assigned_;
  /// What the leader assigned by; nothing where another member leads.
  std::optional<std::map<std::string, std::int32_t>> counts_assigned_;
  clock::time_point next_heartbeat_;
  clock::time_point next_topic_check_;
};

}  // namespace tidelog::client
