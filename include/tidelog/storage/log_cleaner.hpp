#pragma once
// The threads that keep compacted logs compact: again and again the log with the largest dirty part of those that need a
// cleaning is cleaned, and when none needs one the threads sleep. A log that cannot be cleaned is reported once and left
// alone for a while; it never keeps the others from their cleaning.

#include "tidelog/base/clock.hpp"
#include "tidelog/storage/byte_rate_limit.hpp"
#include "tidelog/storage/log_directory.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace tidelog::storage {

/// In Kafka's terms, log.cleaner.* each.
struct log_cleaner_settings {
  std::int32_t threads = 1;
  /// Of all threads together.
  std::int64_t dedupe_buffer_size = 134'217'728;
  double io_buffer_load_factor = 0.9;
  /// Of all threads together, half of it for reading.
  std::int32_t io_buffer_size = 524'288;
  /// Read and written, of all threads together.
  double io_max_bytes_per_second = 0;
  /// How long a thread sleeps when no log needs a cleaning.
  std::int64_t backoff_ms = 15'000;
  friend bool operator==(const log_cleaner_settings&, const log_cleaner_settings&) = default;
};

struct uncleanable_log {
  model::topic_partition partition;
  std::string reason;
};

/// Thread safe. start() and stop() are called by one thread.
class log_cleaner {
 public:
  /// How long a log is left alone that could not be cleaned; shorter when only the disk was full.
  static constexpr std::chrono::minutes patience_with_damage{30};
  static constexpr std::chrono::minutes patience_with_full_disk{1};

  /// Both outlive the cleaner.
  log_cleaner(log_directory& directory, const base::clock& clock, const log_cleaner_settings& settings);
  /// As stop().
  ~log_cleaner();
  log_cleaner(const log_cleaner&) = delete;
  log_cleaner& operator=(const log_cleaner&) = delete;

  void start();
  /// Ends the cleanings that are under way, which leaves their logs as they were or with a part of the work done, and
  /// joins the threads.
  void stop();
  /// Takes effect with the next cleaning; threads are added or end.
  void update(const log_cleaner_settings& settings);

  /// What the threads do: cleans the log that needs it most, and returns which it was, also when it could not be cleaned.
  /// Nothing when none needs it.
  std::optional<model::topic_partition> clean_neediest();
  [[nodiscard]] std::vector<uncleanable_log> uncleanable() const;

 private:
  struct bad_log {
    std::weak_ptr<log> which;
    std::string reason;
    std::chrono::steady_clock::time_point again_at;
  };

  void run(std::int32_t index);
  void start_threads_locked();
  [[nodiscard]] bool may_be_cleaned(const named_log& candidate);
  [[nodiscard]] std::optional<named_log> choose();
  void mark(const named_log& bad, const base::error& why);
  // With mutex_ held, both.
  [[nodiscard]] std::size_t most_map_bytes() const;
  [[nodiscard]] cleaning_resources share_of_resources();

  log_directory& directory_;
  const base::clock& clock_;
  byte_rate_limit rate_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  log_cleaner_settings settings_;
  bool running_ = false;
  std::unordered_map<std::int32_t, std::thread> threads_;
  std::vector<std::thread> ended_;
  std::unordered_map<model::topic_partition, std::shared_ptr<log>> in_progress_;
  std::size_t map_bytes_given_ = 0;
  std::unordered_map<model::topic_partition, bad_log> bad_;
};

}  // namespace tidelog::storage
