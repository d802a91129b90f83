#pragma once
// Producers and a consumer that keep a broker busy, go on after each of its deaths, and write down what it promised.

#include "ledger.hpp"

#include "tidelog/client/connection.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <optional>
#include <random>
#include <thread>

namespace tidelog::test {

/// Where the broker is now; nowhere while it is dead.
class broker_place {
 public:
  void publish(const client::broker_address& address);
  void withdraw();
  /// No more broker will come: everybody stops.
  void close();
  /// Waits for a broker; nothing once closed.
  [[nodiscard]] std::optional<client::broker_address> wait();
  [[nodiscard]] bool is_closed();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<client::broker_address> address_;
  bool closed_ = false;
};

/// Sends batches to its partitions with acks=all, some of them under way at once.
class load_producer {
 public:
  load_producer(int index, delivery_promise promise, std::vector<model::topic_partition> partitions,
                broker_place& broker, ledger& promises, std::uint64_t seed);
  /// Until the broker's place is closed. Throws when the broker answers what it must not.
  void run();

 private:
  struct batch {
    std::size_t partition;
    std::int64_t first_number;
    std::int32_t count;
  };
  /// Until the connection breaks.
  void work_with(client::connection& broker);
  [[nodiscard]] bool send(client::connection& broker, const batch& of);
  [[nodiscard]] bool receive(client::connection& broker);
  [[nodiscard]] bool get_producer_id(client::connection& broker);
  batch next_batch();

  const int index_;
  const delivery_promise promise_;
  const std::vector<model::topic_partition> partitions_;
  broker_place& broker_;
  ledger& promises_;
  std::mt19937_64 random_;
  std::vector<std::int64_t> next_numbers_;
  /// Sent, but not answered, oldest first.
  std::deque<batch> under_way_;
  model::producer_id producer_id_ = model::no_producer_id;
  model::producer_epoch producer_epoch_ = model::no_producer_epoch;
};

/// Reads everything as it comes, and writes down what it was shown.
void run_consumer(const std::vector<model::topic_partition>& partitions, broker_place& broker,
                  ledger& promises);

/// Creates topics and deletes them a little later, and writes down what it was answered.
void run_administrator(broker_place& broker, topic_ledger& promises);

/// Threads whose first exception is kept for who joins them.
class watched_threads {
 public:
  template <class Work>
  void start(Work work) {
    threads_.emplace_back([this, work = std::move(work)]() mutable {
      try {
        work();
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!first_failure_) first_failure_ = std::current_exception();
        has_failed_ = true;
      }
    });
  }
  [[nodiscard]] bool has_failed() const { return has_failed_; }
  /// Joins; throws what a thread threw.
  void join();
  ~watched_threads();

 private:
  std::mutex mutex_;
  std::exception_ptr first_failure_;
  std::atomic<bool> has_failed_{false};
  std::vector<std::thread> threads_;
};

}  // namespace tidelog::test
