#pragma once
// Reads records of assigned partitions, from given offsets on.

#include "tidelog/client/cluster.hpp"
#include "tidelog/model/record.hpp"
#include "tidelog/protocol/values.hpp"

#include <functional>
#include <map>
#include <set>

namespace tidelog::protocol {
struct fetch_partition_data;
}

namespace tidelog::client {

struct fetch_options {
  /// How long the broker may wait for `min_bytes` to be there.
  std::chrono::milliseconds max_wait{500};
  std::int32_t min_bytes = 1;
  std::int32_t max_bytes = 50 << 20;
  std::int32_t partition_max_bytes = 8 << 20;
  protocol::isolation_level isolation = protocol::isolation_level::read_uncommitted;
  /// A compressed batch that opens to more is not read.
  std::size_t largest_batch_bytes = std::size_t{1} << 30;
};

/// One record; views are valid while the visitor runs.
struct fetched_record {
  const model::topic_partition& at;
  model::offset offset;
  model::timestamp timestamp;
  const model::record_view& record;
};

enum class after_record { go_on, stop };
using record_visitor = std::function<base::result<after_record>(const fetched_record&)>;

/// Checks the CRC of every batch. Control records are passed over. One thread at a time; the cluster must outlive it.
class fetcher {
 public:
  fetcher(cluster& in, const fetch_options& options) : cluster_(in), options_(options) {}

  void assign(const model::topic_partition& at, model::offset from) {
    partitions_[at] = {from, model::no_offset, {}};
  }
  void unassign(const model::topic_partition& at) { partitions_.erase(at); }
  [[nodiscard]] bool has(const model::topic_partition& at) const { return partitions_.contains(at); }
  [[nodiscard]] bool has_partitions() const { return !partitions_.empty(); }

  /// Fetches once from each leader and hands what came to `visit`, in the order of each partition. Returns how many
  /// records there were; none when nothing came in time. Retries what is retriable. Fails with corrupt_batch, the
  /// broker's OFFSET_OUT_OF_RANGE, or as `visit` did; the position then is that of the record concerned.
  [[nodiscard]] base::result<std::size_t> poll(const record_visitor& visit);

  /// The next offset to be read.
  [[nodiscard]] model::offset position(const model::topic_partition& at) const {
    return partitions_.at(at).position;
  }
  /// What consumers may read up to, as last told: the last stable offset for read_committed. no_offset before the first
  /// answer.
  [[nodiscard]] model::offset readable_end(const model::topic_partition& at) const {
    return partitions_.at(at).readable_end;
  }

 private:
  struct partition_state {
    model::offset position;
    model::offset readable_end;
    /// Producers whose open transaction is known to have been aborted.
    std::set<model::producer_id> aborting;
  };
  struct round {
    const record_visitor& visit;
    std::size_t records = 0;
    bool stopped = false;
  };
  [[nodiscard]] base::status fetch_from(model::broker_id leader,
                                        const std::vector<model::topic_partition>& from, round& now);
  [[nodiscard]] base::status take_partition(const model::topic_partition& at,
                                            const protocol::fetch_partition_data& answered, round& now);
  [[nodiscard]] base::status take_records(const model::topic_partition& at, partition_state& state,
                                          const model::record_batch_view& batch, round& now);

  cluster& cluster_;
  fetch_options options_;
  std::map<model::topic_partition, partition_state> partitions_;
};

}  // namespace tidelog::client
