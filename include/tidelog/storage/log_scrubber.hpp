#pragma once
// Reads every segment through now and then, so that damage is found before somebody needs what it has hit. Slow on
// purpose, on one thread of low priority, past the page cache: who appends and reads is not to notice.
//
// A round takes each segment once, partition by partition, and the next one begins an interval after the last one began.
// Where a round has come to is kept in a small file, so that a daemon that is often restarted goes on there and does not
// always read the same segments. A damaged file, or none, only means a round from its beginning.

#include "tidelog/base/clock.hpp"
#include "tidelog/storage/byte_rate_limit.hpp"
#include "tidelog/storage/log_directory.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace tidelog::storage {

struct log_scrubber_settings {
  /// From the beginning of a round to that of the next; -1: there are none.
  std::int32_t interval_hours = 168;
  /// 0 and less set no bound.
  double io_max_bytes_per_second = 8.0 * 1024 * 1024;
  friend bool operator==(const log_scrubber_settings&, const log_scrubber_settings&) = default;
};

/// Thread safe. start() and stop() are called by one thread.
class log_scrubber {
 public:
  /// In the data directory.
  static constexpr const char* progress_name = ".scrub-progress";

  /// `directory`, `files` and `clock` outlive the scrubber.
  log_scrubber(log_directory& directory, io::file_system& files, const base::clock& clock,
               const log_scrubber_settings& settings);
  /// As stop().
  ~log_scrubber();
  log_scrubber(const log_scrubber&) = delete;
  log_scrubber& operator=(const log_scrubber&) = delete;

  void start();
  /// Ends what is being read at its next piece, notes where that was, and joins the thread.
  void stop();
  void update(const log_scrubber_settings& settings);

  /// What the thread does: reads the next segment of the round, and begins a round when one is due. False when there is
  /// nothing to do for now.
  bool scrub_next();

  /// For metrics.
  struct figures {
    std::uint64_t segments = 0;    ///< read to their end
    std::uint64_t bytes = 0;       ///< read
    std::uint64_t unreadable = 0;  ///< segments that the disk did not give
    std::uint64_t gaps = 0;        ///< between segments, where one or more are missing
    /// Segments whose index of rolled-back transactions lacks some.
    std::uint64_t incomplete_indexes = 0;
    std::uint64_t rounds = 0;  ///< brought to their end
  };
  [[nodiscard]] figures current() const;

 private:
  struct progress {
    base::unix_ms round_began_ms = 0;
    /// What comes next.
    model::topic_partition partition{};
    model::offset next_base{0};
    bool is_round_over = true;
  };
  void run();
  /// Begins one where it is due.
  [[nodiscard]] bool is_in_round();
  [[nodiscard]] bool take_late_ones();
  void end_round();
  [[nodiscard]] std::int64_t ms_to_next_round() const;
  [[nodiscard]] std::chrono::milliseconds pause() const;
  void take(const scrubbed_segment& read, const model::topic_partition& of);
  /// Waits as long as the bytes cost; false when the scrubber stops.
  [[nodiscard]] bool pace(std::uint64_t bytes);
  void read_progress();
  void write_progress();

  log_directory& directory_;
  io::file_system& files_;
  const base::clock& clock_;
  byte_rate_limit rate_;

  std::mutex mutex_;
  std::condition_variable wake_;
  log_scrubber_settings settings_;
  bool stopping_ = false;
  std::thread thread_;

  // Used by who scrubs, one at a time.

  progress progress_;
  base::unix_ms progress_written_ms_ = 0;
  bool is_progress_new_ = false;
  /// The round's partitions that have not had their turn, the next one last.
  std::vector<model::topic_partition> waiting_;
  bool is_listed_ = false;
  /// Their logs were not open when it was their turn.
  std::vector<model::topic_partition> late_;
  /// Reported once each.
  using place = std::pair<model::topic_partition, model::offset>;
  std::set<place> told_unreadable_;
  std::set<place> told_gaps_;
  std::set<place> told_incomplete_;

  std::atomic<std::uint64_t> segments_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> unreadable_{0};
  std::atomic<std::uint64_t> gaps_{0};
  std::atomic<std::uint64_t> incomplete_indexes_{0};
  std::atomic<std::uint64_t> rounds_{0};
};

}  // namespace tidelog::storage
