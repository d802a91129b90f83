#pragma once
// What all handlers share.

#include "fetch_session.hpp"

#include "tidelog/io/out_of_space.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/server/server.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace tidelog::server {

/// One for the process; lives as long as the server. Thread safe.
struct broker {
  broker(const server_environment& environment_in, server_settings settings_in);

  const server_environment environment;
  const server_settings settings;
  fetch_session_cache sessions;
  std::function<void()> config_changed;
  /// Fetches do not wait any more.
  std::atomic<bool> is_stopping{false};

  [[nodiscard]] std::shared_ptr<const metadata::broker_config> config() const;
  void set_config(const metadata::broker_config& next);
  /// Broker configs were changed in the metadata: from now on config() is what they say, and the listener is told.
  void follow_config();

  /// Changes the metadata and brings partitions and consumer groups into step with it: when it returns, what was created can
  /// be used, but for partitions whose files could not be made: these are offline. Waits for the disk.
  [[nodiscard]] base::result<metadata::image_ptr> change(const metadata::cluster_metadata::plan& plan);

  /// Before the logs of these partitions are opened anew: what they have lost is lost in an epoch of its own, by which clients
  /// find out. Waits for the disk.
  [[nodiscard]] base::status raise_epochs(const std::vector<partition::partition_ptr>& which);

  /// Does what has to go on even on a disk that is full to the last byte, if need be with the room that the ballast gives
  /// back. `work` returns a result or status.
  template <class Work>
  [[nodiscard]] auto even_when_full(const Work& work) const {
    auto outcome = work();
    if (!outcome && io::is_out_of_space(outcome.error().code) && environment.space.drop_ballast())
      outcome = work();
    return outcome;
  }

  /// An id that no producer had before. Waits for the disk now and then.
  [[nodiscard]] base::result<model::producer_id> next_producer_id();

  /// Where clients of this connection find us.
  struct address {
    std::string host;
    std::uint16_t port;
  };
  [[nodiscard]] address address_for(const protocol::connection_info& connection) const;

 private:
  mutable std::mutex config_mutex_;
  std::shared_ptr<const metadata::broker_config> config_;

  /// One at a time, so that the newest metadata is followed last.
  std::mutex follow_mutex_;

  std::mutex producer_ids_mutex_;
  metadata::cluster_metadata::producer_id_block producer_ids_;
};

}  // namespace tidelog::server
