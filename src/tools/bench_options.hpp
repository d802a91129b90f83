#pragma once
// What `tidelog-bench` was told to do, and what its programs share.

#include "load_loop.hpp"

#include <nlohmann/json_fwd.hpp>

#include "tidelog/client/admin.hpp"
#include "tidelog/client/producer.hpp"

#include <string>
#include <vector>

namespace tidelog::tools {

struct bench_options {
  std::string program;  ///< as it is called on the command line
  std::string bootstrap = "localhost:9092";
  std::string topic = "tidelog-bench";
  std::int32_t partition_count = 1;
  std::vector<client::config_pair> topic_configs;
  bool delete_topic = false;
  int connections = 1;
  int threads = 1;
  std::size_t depth = 1;
  std::size_t batch_bytes = 16 * 1024;
  std::size_t record_bytes = 1024;
  std::size_t fetch_bytes = 1024 * 1024;
  std::uint64_t fill_bytes = std::uint64_t{256} << 20;
  client::acks acks = client::acks::all;
  model::compression_type compression = model::compression_type::none;
  double rate = 0;  ///< requests a second of all connections together; 0: closed loop
  std::chrono::milliseconds warm_up{2'000};
  std::chrono::milliseconds duration{10'000};
  int server_pid = 0;
  bool json = false;
  // Of the programs for groups.
  std::size_t group_count = 1'000;
  std::size_t member_count = 4;
  std::size_t rebalance_member_count = 100;
  std::chrono::milliseconds heartbeat_interval{3'000};
  int rounds = 5;
  bool consumer_protocol = false;
};

/// One batch as every produce request carries it.
struct prepared_batch {
  std::vector<std::byte> bytes;
  std::int32_t record_count = 0;
};
[[nodiscard]] base::result<prepared_batch> prepare_batch(const bench_options& wanted);

/// A connected socket to the leader of `at`, after the versions have been agreed on, and the version of `api`.
struct raw_connection {
  client::socket socket;
  std::int16_t version;
};
[[nodiscard]] base::result<raw_connection> connect_to_leader(client::cluster& cluster,
                                                             const model::topic_partition& at,
                                                             protocol::api_key api,
                                                             codec::version_range ours);

/// Makes the topic where it is missing. Returns its partitions.
[[nodiscard]] base::result<std::vector<model::topic_partition>> ensure_topic(client::cluster& cluster,
                                                                             const bench_options& wanted);

struct bench_report {
  std::string latency_of;
  load_result load;
  double seconds = 0;
  /// Of --server-pid, while it was measured; nothing where none was given.
  std::optional<double> server_processor_seconds;
  std::optional<std::uint64_t> server_resident_bytes;
};
[[nodiscard]] nlohmann::json to_json(const bench_options& wanted, const bench_report& report);
[[nodiscard]] std::string to_text(const bench_options& wanted, const bench_report& report);

/// Percentiles in microseconds, and in a line for people.
[[nodiscard]] nlohmann::json latencies_as_json(const latency_histogram& of);
[[nodiscard]] std::string latencies_as_text(const latency_histogram& of);

/// Runs the loops on a thread each, shows progress, and measures the server meanwhile.
[[nodiscard]] base::result<bench_report> run_loops(const bench_options& wanted, const load_settings& settings,
                                                   std::vector<std::unique_ptr<load_loop>>& loops);
/// As many empty loops as the options say.
[[nodiscard]] std::vector<std::unique_ptr<load_loop>> make_loops(const bench_options& wanted,
                                                                 const load_settings& settings);
[[nodiscard]] load_settings settings_of(const bench_options& wanted);

/// Processor time of a process so far; nothing when there is no such process.
[[nodiscard]] std::optional<double> processor_seconds(int pid);
[[nodiscard]] std::optional<std::uint64_t> resident_bytes(int pid);

[[nodiscard]] base::result<std::vector<bench_report>> bench_produce(client::cluster& cluster,
                                                                    const bench_options& wanted);
[[nodiscard]] base::result<std::vector<bench_report>> bench_fetch(client::cluster& cluster,
                                                                  const bench_options& wanted);
[[nodiscard]] base::result<std::vector<bench_report>> bench_round_trip(client::cluster& cluster,
                                                                       const bench_options& wanted);

}  // namespace tidelog::tools
