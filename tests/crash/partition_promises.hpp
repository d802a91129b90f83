#pragma once
// What one log has promised, kept outside of it, and the check of a log that has been opened again against that.
//
// A record is promised for good once its acknowledgement says that it is on disk, once it lies below a recovery point that
// the log tells, or once it was there after a recovery, which syncs what it finds before anybody is shown it. The others
// survive the death of the process, and in a power cut the log keeps a prefix of them.

#include <fmt/core.h>

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/log.hpp"

#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace tidelog::test {

class broken_promise : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class... Args>
void require(bool holds, fmt::format_string<Args...> otherwise, Args&&... args) {
  if (!holds) throw broken_promise(fmt::format(otherwise, std::forward<Args>(args)...));
}

struct sent_record {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::int64_t timestamp = 0;
  friend bool operator==(const sent_record&, const sent_record&) = default;
};

/// Who sends without a producer id.
inline constexpr int unknown_sender = -1;
[[nodiscard]] inline model::producer_id producer_id_of(int sender) {
  return sender == unknown_sender ? model::no_producer_id : model::producer_id(1000 + sender);
}

/// Who sent a batch, and the how-manieth it was of that one's.
struct batch_origin {
  int sender = 0;
  std::size_t number = 0;
  friend auto operator<=>(const batch_origin&, const batch_origin&) = default;
};

struct sent_batch {
  batch_origin from;
  std::vector<sent_record> records;
};

/// What has happened to the log since it was last checked.
enum class last_stop {
  clean,
  killed,     ///< everything written is in the page cache
  power_cut,  ///< of what was not synced, anything may be gone
};

class partition_promises {
 public:
  explicit partition_promises(const storage::log_config& config) : config_(config) {}

  void stored(model::offset base, const sent_batch& batch);
  /// The append failed; in a crash it may come out that it was written all the same.
  void refused(model::offset base, const sent_batch& batch);
  /// Everything below `end` is on disk.
  void on_disk(model::offset end) { on_disk_ = std::max(on_disk_, end.value()); }
  /// The log starts there now; `for_good` where that is on disk too.
  void log_starts(model::offset start) { highest_start_ = std::max(highest_start_, start.value()); }
  void log_starts_for_good(model::offset start) { kept_start_ = std::max(kept_start_, start.value()); }
  /// From now on superseded records and tombstones may be gone.
  void cleaning_begins() { has_been_cleaned_ = true; }
  void update_config(const storage::log_config& config) { config_ = config; }
  [[nodiscard]] const storage::log_config& config() const { return config_; }

  /// Holds the promises against a log that has just been opened, and takes what is there as the new state. Throws
  /// broken_promise.
  void check(storage::log& log, last_stop how, std::mt19937_64& random);

  /// Where the batch is, or was until it was deleted; nothing when the log does not have it.
  [[nodiscard]] std::optional<model::offset> place_of(const batch_origin& batch) const;
  /// The how-manieth batches of a sender are, or were, in the log: a prefix of what it sent, each once. Throws
  /// broken_promise otherwise.
  [[nodiscard]] std::size_t batches_of(int sender) const;
  [[nodiscard]] std::int64_t end() const { return end_; }

 private:
  struct known_record {
    sent_record content;
    batch_origin from;
    std::int64_t index = 0;  ///< in its batch
  };
  struct seen_record {
    std::int64_t offset;
    std::int64_t timestamp;
  };
  void check_ends(const storage::log& log, last_stop how) const;
  [[nodiscard]] std::vector<seen_record> check_content(storage::log& log);
  void take_batch(const storage::log& log, const model::record_batch_view& batch,
                  std::vector<seen_record>& seen);
  void take_record(std::int64_t offset, model::producer_id of, const sent_record& record);
  void check_last_values(std::int64_t start, std::int64_t end, const std::vector<seen_record>& seen) const;
  void check_lookups(storage::log& log, const std::vector<seen_record>& seen, std::mt19937_64& random) const;

  storage::log_config config_;
  std::map<std::int64_t, known_record> records_;
  /// Appends that were refused, by the offset that each record would have had.
  std::multimap<std::int64_t, known_record> refused_;
  std::int64_t end_ = 0;
  std::int64_t on_disk_ = 0;
  std::int64_t kept_start_ = 0;
  std::int64_t highest_start_ = 0;
  bool has_been_cleaned_ = false;
};

}  // namespace tidelog::test
