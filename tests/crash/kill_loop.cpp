// Kills tidelogd again and again while it is written to and read, and holds what is there after each start against what
// it had promised: every acknowledged record at its offset with its bytes, nothing that a consumer saw gone, nothing of
// an idempotent producer twice or missing in between, no hole in the offsets, leader epochs that rise, created topics
// there and deleted ones not.
//
//   kill_loop TIDELOGD [--cycles N] [--seed N]

#include "daemon_process.hpp"
#include "load.hpp"
#include "support/random_seed.hpp"
#include "support/temp_directory.hpp"

#include "tidelog/client/admin.hpp"
#include "tidelog/client/fetcher.hpp"

#include <cstring>
#include <iostream>
#include <set>
#include <stdexcept>

namespace tidelog::test {
namespace {

struct topic_plan {
  const char* name;
  std::int32_t partitions;
  std::vector<client::config_pair> configs;
};

/// Durable by default, small segments to see them roll, and a topic that leaves syncing to the kernel, from which a
/// killed process takes nothing either.
const std::vector<topic_plan>& topics() {
  static const std::vector<topic_plan> plans{
      {"one", 1, {}},
      {"many", 4, {{"segment.bytes", "1048576"}}},
      {"cached", 2, {{"segment.bytes", "1048576"}, {"flush.messages", "9223372036854775807"}}},
  };
  return plans;
}

std::vector<model::topic_partition> all_partitions() {
  std::vector<model::topic_partition> all;
  for (const auto& topic : topics()) {
    for (std::int32_t i = 0; i < topic.partitions; ++i)
      all.push_back({topic.name, model::partition_index(i)});
  }
  return all;
}

template <class T>
T value_or_throw(base::result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().describe());
  return std::move(*outcome);
}

void require(const base::status& outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().describe());
}

struct loop_options {
  std::filesystem::path program;
  int cycles = 5;
  std::uint64_t seed = 0;
};

class kill_loop {
 public:
  kill_loop(const loop_options& options, const std::filesystem::path& data_directory)
      : options_(options), daemon_(options.program, data_directory), random_(options.seed) {}

  void run() {
    start();
    for (const auto& topic : topics()) {
      require(client::create_topic(*cluster_, {topic.name, topic.partitions, -1, topic.configs}));
    }
    check_epochs();
    start_load();
    broker_.publish(address_);
    for (int cycle = 1; cycle <= options_.cycles; ++cycle) {
      wait_for_work();
      kill_now();
      kill_some_starts();
      start();
      check_everything();
      broker_.publish(address_);
      std::cout << "cycle " << cycle << ": " << promises_.acknowledgements() << " acknowledged batches, "
                << promises_.promised_records() << " promised records are there" << std::endl;
      if (threads_.has_failed()) break;
    }
    broker_.close();
    threads_.join();
    daemon_.stop();
    start();
    check_everything();
    daemon_.stop();
  }
  /// Lets the load go, so that a failure can be reported.
  void give_up() { broker_.close(); }
  [[nodiscard]] std::string daemon_log() { return daemon_.log(); }

 private:
  [[nodiscard]] std::uint64_t random_below(std::uint64_t bound) { return random_() % bound; }

  void start() {
    daemon_.spawn();
    address_ = value_or_throw(client::parse_address(daemon_.wait_until_ready()));
    cluster_ = value_or_throw(client::cluster::connect({address_}, {}));
  }

  void start_load() {
    const auto partitions = all_partitions();
    int index = 0;
    for (const auto promise : {delivery_promise::exactly_once, delivery_promise::exactly_once,
                               delivery_promise::at_most_once, delivery_promise::at_most_once}) {
      threads_.start([producer = std::make_shared<load_producer>(index++, promise, partitions, broker_,
                                                                 promises_, random_())] { producer->run(); });
    }
    threads_.start([this, partitions] { run_consumer(partitions, broker_, promises_); });
    threads_.start([this] { run_administrator(broker_, topic_promises_); });
  }

  /// A random number of acknowledgements: the moment of the kill then falls anywhere in the work on a batch.
  void wait_for_work() {
    const auto enough = promises_.acknowledgements() + 1 + random_below(random_below(2) == 0 ? 20 : 1500);
    const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (promises_.acknowledgements() < enough && !threads_.has_failed()) {
      if (std::chrono::steady_clock::now() > give_up_at)
        throw std::runtime_error("the broker answers no more");
      std::this_thread::sleep_for(std::chrono::microseconds(random_below(2000)));
    }
  }

  void kill_now() {
    broker_.withdraw();
    daemon_.kill();
  }

  /// Recovery is killed too, at whatever point it is.
  void kill_some_starts() {
    for (auto left = random_below(3); left > 0; --left) {
      daemon_.spawn();
      std::this_thread::sleep_for(std::chrono::microseconds(random_below(60'000)));
      daemon_.kill();
    }
  }

  void check_everything() {
    check_epochs();
    check_topics();
    for (const auto& at : all_partitions()) promises_.check(at, read_whole(at));
  }

  void check_topics() {
    std::set<std::string> present;
    for (const auto& topic : value_or_throw(cluster_->all_topics())) present.insert(topic.name);
    topic_promises_.check(present);
  }

  void check_epochs() {
    for (const auto& topic : topics()) {
      const auto* const found = value_or_throw(cluster_->topic(topic.name));
      for (const auto& partition : found->partitions) {
        auto& before =
            epochs_.try_emplace({topic.name, partition.index}, model::no_leader_epoch).first->second;
        if (partition.leader_epoch <= before) {
          throw std::runtime_error(fmt::format("{}-{}: leader epoch {} after {}", topic.name,
                                               partition.index.value(), partition.leader_epoch.value(),
                                               before.value()));
        }
        before = partition.leader_epoch;
      }
    }
  }

  std::vector<record_identity> read_whole(const model::topic_partition& at) {
    const auto ends = value_or_throw(client::list_offsets(*cluster_, std::array{at}, client::latest_offset));
    const auto end = ends.front().offset;
    std::vector<record_identity> stored;
    client::fetcher fetcher(*cluster_, {});
    fetcher.assign(at, model::offset(0));
    while (fetcher.position(at) < end) {
      value_or_throw(fetcher.poll([&](const client::fetched_record& record) {
        if (record.offset.value() != static_cast<std::int64_t>(stored.size())) {
          throw std::runtime_error(
              fmt::format("{}: offset {} follows {}", at.text(), record.offset.value(), stored.size()));
        }
        stored.push_back(identity_of(base::as_text(*record.record.value)));
        return client::after_record::go_on;
      }));
    }
    return stored;
  }

  const loop_options options_;
  daemon_process daemon_;
  std::mt19937_64 random_;
  client::broker_address address_;
  std::unique_ptr<client::cluster> cluster_;
  std::map<model::topic_partition, model::leader_epoch> epochs_;
  ledger promises_;
  topic_ledger topic_promises_;
  broker_place broker_;
  watched_threads threads_;
};

loop_options parse(int count, char** arguments) {
  loop_options options;
  if (count < 2) throw std::invalid_argument("usage: kill_loop TIDELOGD [--cycles N] [--seed N]");
  options.program = arguments[1];
  bool seeded = false;
  for (int i = 2; i + 1 < count; i += 2) {
    if (std::strcmp(arguments[i], "--cycles") == 0) {
      options.cycles = std::stoi(arguments[i + 1]);
    } else if (std::strcmp(arguments[i], "--seed") == 0) {
      options.seed = std::stoull(arguments[i + 1]);
      seeded = true;
    } else {
      throw std::invalid_argument(fmt::format("no such option: {}", arguments[i]));
    }
  }
  if (!seeded) options.seed = random_seed();
  return options;
}

int run(const loop_options& options) {
  const temp_directory work;
  kill_loop loop(options, work.path() / "data");
  try {
    loop.run();
    std::cout << "nothing that was promised is missing" << std::endl;
    return 0;
  } catch (const std::exception& failure) {
    loop.give_up();
    std::cout << "seed " << options.seed << ": " << failure.what() << "\nthe daemon's last words:\n"
              << loop.daemon_log() << std::endl;
    return 1;
  }
}

}  // namespace
}  // namespace tidelog::test

int main(int count, char** arguments) {
  try {
    return tidelog::test::run(tidelog::test::parse(count, arguments));
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 2;
  }
}
