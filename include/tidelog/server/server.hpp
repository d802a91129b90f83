#pragma once
// The server as the network sees it: requests in, answers out.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/metadata/cluster_metadata.hpp"
#include "tidelog/partition/partition_manager.hpp"
#include "tidelog/protocol/service.hpp"
#include "tidelog/storage/free_space_watch.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tidelog::server {

/// What clients that came by a listener are told to connect to; without an entry they are told the address they
/// reached it by.
struct advertised_listener {
  std::string listener;
  std::string host;
  std::uint16_t port = 0;
};

struct server_settings {
  model::broker_id node_id{1};
  std::string cluster_id;
  base::uuid directory_id;
  /// As it is on disk, for DescribeLogDirs.
  std::string data_directory;
  std::vector<advertised_listener> advertised;
  metadata::broker_config config;
};

/// Everything that the handlers work with; all of it outlives the server.
struct server_environment {
  metadata::cluster_metadata& cluster;
  partition::partition_manager& partitions;
  io::file_system& files;
  /// For what waits for the disk or burns CPU.
  base::worker_pool& workers;
  /// For what reads old data: few threads, so that it does not get the whole disk.
  base::worker_pool& cold_reads;
  const base::clock& clock;
  coordinator::group_coordinator& groups;
  coordinator::transaction_coordinator& transactions;
  /// Says whether records and topics may be added.
  storage::free_space_watch& space;
};

/// Takes requests from any number of reactors at once.
class server final : public protocol::service {
 public:
  server(const server_environment& environment, server_settings settings);
  ~server() override;

  void connected(protocol::connection_info& connection) override;
  void handle(protocol::connection_info& connection, protocol::request_frame frame,
              protocol::responder answer) override;
  void disconnected(protocol::connection_info& connection) override;

  /// The server is about to stop: fetches that wait for data answer with what there is, and later ones do not wait.
  void finish_waiting_fetches();
  /// Opens partitions, and the metadata log, again that went offline for want of room on the disk, if it is not full now; to
  /// be called once a second. Waits for the disk, not for the recovery.
  void bring_back_what_had_no_room();
  /// The dynamic broker configs changed; `config` holds the effective values.
  void update_config(const metadata::broker_config& config);
  /// Told after each change of broker configs that came as a request, on the thread that made it. Set it before the
  /// server is used.
  void set_config_listener(std::function<void()> listener);

 private:
  std::unique_ptr<struct broker> broker_;
};

/// An API as it is advertised, for the documentation and the tests.
struct served_api {
  std::string_view name;
  std::int16_t key;
  std::int16_t min_version;
  std::int16_t max_version;
};
[[nodiscard]] std::vector<served_api> served_apis();

}  // namespace tidelog::server
