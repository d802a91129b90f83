#pragma once
// Fetch sessions (KIP-227): the broker remembers what a consumer fetches, so that each request and answer names only
// what has changed.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/uuid.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidelog::protocol {
struct fetch_request;
}  // namespace tidelog::protocol

namespace tidelog::server {

/// A partition that is fetched. Topics go by name up to version 12 and by id from 13 on; the other one stays empty.
struct fetched_partition {
  std::string topic;
  base::uuid topic_id;
  std::int32_t partition = 0;

  std::int32_t current_leader_epoch = -1;
  std::int64_t fetch_offset = 0;
  std::int32_t last_fetched_epoch = -1;
  std::int32_t max_bytes = 0;

  /// What the consumer was told last; an answer that says nothing new is left out.
  std::int64_t told_high_watermark = -1;
  std::int64_t told_log_start = -1;
  /// An error, or that nothing was told yet: the next answer names the partition in any case.
  bool must_be_told = true;
};

enum class fetch_naming { by_name, by_id };

/// Used by one request at a time, which holds its lock while it works on it.
class fetch_session {
 public:
  fetch_session(std::int32_t id, fetch_naming naming) : id_(id), naming_(naming) {}

  [[nodiscard]] std::int32_t id() const { return id_; }
  std::mutex& mutex() { return mutex_; }

  // All of the following under the lock.

  using partition_list = std::list<fetched_partition>;
  [[nodiscard]] partition_list& partitions() { return partitions_; }
  /// Adds and updates what the request names, and forgets what it wants forgotten.
  void update(const protocol::fetch_request& message);
  /// Partitions that gave data go to the end, so that others get their turn when an answer is full.
  void move_to_end(partition_list::iterator partition) {
    partitions_.splice(partitions_.end(), partitions_, partition);
  }

 private:
  friend class fetch_session_cache;
  using key = std::tuple<std::string, base::uuid, std::int32_t>;

  const std::int32_t id_;
  const fetch_naming naming_;
  std::mutex mutex_;
  std::int32_t next_epoch_ = 1;
  partition_list partitions_;
  std::map<key, partition_list::iterator> by_key_;
};

using fetch_session_ptr = std::shared_ptr<fetch_session>;

/// What a request's session id and epoch amount to.
struct fetch_context {
  enum class kind {
    sessionless,  ///< everything is named in the request, and nothing is remembered
    full,         ///< a session begins: everything is named, and remembered
    incremental,  ///< the request names what has changed
    refused,      ///< with `error`
  };
  kind is = kind::sessionless;
  protocol::error_code error = protocol::error_code::none;
  fetch_session_ptr session;
};

/// Bounded; when it is full, the session that was unused for longest makes room if it was for two minutes, otherwise
/// the new one goes without. Thread safe.
class fetch_session_cache {
 public:
  explicit fetch_session_cache(std::size_t slots) : slots_(slots) {}

  /// For a full or an incremental fetch the session is up to date with the request when this returns.
  [[nodiscard]] fetch_context open(const protocol::fetch_request& message, fetch_naming naming,
                                   std::chrono::steady_clock::time_point now);
  [[nodiscard]] std::size_t size() const;

 private:
  struct entry {
    fetch_session_ptr session;
    std::chrono::steady_clock::time_point last_used;
  };
  fetch_context begin(const protocol::fetch_request& message, fetch_naming naming,
                      std::chrono::steady_clock::time_point now);
  fetch_context go_on(const protocol::fetch_request& message, fetch_naming naming,
                      std::chrono::steady_clock::time_point now);
  bool make_room(std::chrono::steady_clock::time_point now);

  const std::size_t slots_;
  mutable std::mutex mutex_;
  std::unordered_map<std::int32_t, entry> sessions_;
  std::mt19937 random_{std::random_device{}()};
};

}  // namespace tidelog::server
