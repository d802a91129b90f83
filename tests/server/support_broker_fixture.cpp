#include "support_broker_fixture.hpp"

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/protocol/create_topics.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace tidelog::test {
namespace {

using steady = std::chrono::steady_clock;

/// A reactor with nothing but a queue and timers.
class queue_reactor final : public protocol::reactor {
 public:
  queue_reactor() : thread_([this] { run(); }) {}
  ~queue_reactor() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void post(base::task work) override {
    {
      const std::lock_guard lock(mutex_);
      timers_.emplace(std::pair(steady::time_point::min(), ++last_id_), std::move(work));
    }
    wake_.notify_one();
  }
  timer_id start_timer(std::chrono::milliseconds delay, base::task work) override {
    const std::lock_guard lock(mutex_);
    timers_.emplace(std::pair(steady::now() + delay, ++last_id_), std::move(work));
    return last_id_;
  }
  void cancel_timer(timer_id timer) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(timers_, [&](const auto& entry) { return entry.first.second == timer; });
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (timers_.empty()) {
        wake_.wait(lock);
      } else if (const auto due = timers_.begin()->first.first; due > steady::now()) {
        wake_.wait_until(lock, due);
      } else {
        auto work = std::move(timers_.extract(timers_.begin()).mapped());
        lock.unlock();
        work();
        lock.lock();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::pair<steady::time_point, timer_id>, base::task> timers_;
  timer_id last_id_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

std::vector<std::byte> bytes_of(const codec::encoded& response) {
  std::vector<std::byte> bytes;
  std::size_t from = 0;
  const auto copy_to = [&](std::size_t end) {
    bytes.insert(bytes.end(), response.memory.begin() + static_cast<std::ptrdiff_t>(from),
                 response.memory.begin() + static_cast<std::ptrdiff_t>(end));
    from = end;
  };
  for (const auto& insert : response.inserts) {
    copy_to(insert.at);
    std::vector<std::byte> slice(insert.slice.length);
    const auto got = insert.slice.source->read_at(slice, insert.slice.position);
    EXPECT_TRUE(got && *got == slice.size());
    bytes.insert(bytes.end(), slice.begin(), slice.end());
  }
  copy_to(response.memory.size());
  return bytes;
}

/// Takes the answer to one request.
class one_answer final : public protocol::response_port {
 public:
  void answer(std::uint64_t /*slot*/, codec::encoded response) override {
    got_.set_value({reply::kind::answered, bytes_of(response), {}});
  }
  void answer_nothing(std::uint64_t /*slot*/) override {
    got_.set_value({reply::kind::answered_nothing, {}, {}});
  }
  void close(std::uint64_t /*slot*/, std::string reason) override {
    got_.set_value({reply::kind::closed, {}, std::move(reason)});
  }
  [[nodiscard]] std::future<reply> outcome() { return got_.get_future(); }

 private:
  std::promise<reply> got_;
};

template <class T>
T must(base::result<T> outcome, const char* what) {
  if (!outcome) throw std::runtime_error(std::string(what) + ": " + outcome.error().describe());
  return std::move(*outcome);
}

constexpr std::size_t open_files_limit = 64;
constexpr std::size_t worker_threads = 2;
const char* const data_directory = "/data";

}  // namespace

struct test_broker::parts {
  explicit parts(const test_broker_options& options);
  ~parts();

  std::unique_ptr<fault_file_system> own_files;
  fault_file_system& files;
  manual_clock clock;
  storage::open_file_cache open_files{open_files_limit};
  storage::group_commit commits;
  storage::log_environment environment{files, open_files, commits, clock};
  base::worker_pool workers{"worker", worker_threads};
  base::worker_pool opening{"opening", worker_threads};
  std::unique_ptr<storage::log_directory> directory;
  std::unique_ptr<metadata::cluster_metadata> cluster;
  std::unique_ptr<partition::partition_manager> partitions;
  metrics::registry metrics;
  std::unique_ptr<coordinator::group_coordinator> groups;
  std::unique_ptr<coordinator::transaction_coordinator> transactions;
  storage::free_space_watch space{files, clock, data_directory};
  std::unique_ptr<server::server> service;
  std::atomic<int> config_changes{0};
  protocol::connection_info connection;
  std::unique_ptr<queue_reactor> reactor = std::make_unique<queue_reactor>();
};

test_broker::parts::parts(const test_broker_options& options)
    : own_files(options.files == nullptr ? std::make_unique<fault_file_system>() : nullptr),
      files(options.files == nullptr ? *own_files : *options.files) {
  directory = must(storage::log_directory::open(environment, data_directory, {}), "the directory");
  metadata::cluster_metadata_settings cluster_settings;
  cluster_settings.directory_id = directory->properties().directory_id.value_or(base::uuid{});
  cluster_settings.endpoints = {{"PLAINTEXT", std::string(host), port, 0}};
  cluster =
      must(metadata::cluster_metadata::open(environment, data_directory, cluster_settings), "the metadata");

  partition::partition_manager_settings manager_settings;
  manager_settings.layers = {options.configuration_file, {}};
  partitions = std::make_unique<partition::partition_manager>(*directory, clock, opening, manager_settings);
  partitions->set_out_of_room_listener([this](const base::error& why) { space.note_lack_of_room(why); });
  partitions->start(cluster->current());

  server::server_settings settings;
  settings.cluster_id = directory->properties().cluster_id;
  settings.directory_id = cluster_settings.directory_id;
  settings.data_directory = data_directory;
  settings.advertised = {{"PLAINTEXT", std::string(host), port}};
  metadata::config_layers layers;
  layers.configuration_file = &options.configuration_file;
  settings.config = metadata::effective_broker_config(layers);
  groups = std::make_unique<coordinator::group_coordinator>(
      coordinator::group_coordinator_environment{*partitions, workers, clock, metrics}, settings.config);
  groups->apply(cluster->current());
  transactions = std::make_unique<coordinator::transaction_coordinator>(
      coordinator::transaction_coordinator_environment{*partitions, *groups, workers, clock, metrics},
      settings.config);
  transactions->apply(cluster->current());
  partitions->set_online_listener([this](const auto& partition) {
    groups->log_was_opened(partition);
    transactions->log_was_opened(partition);
  });
  service = std::make_unique<server::server>(
      server::server_environment{*cluster, *partitions, files, workers, workers, clock, *groups,
                                 *transactions, space},
      settings);
  service->set_config_listener([this] { ++config_changes; });

  const auto recovered = std::make_shared<std::promise<void>>();
  const auto left = partitions->recover([recovered](std::size_t done, std::size_t total) {
    if (done == total) recovered->set_value();
  });
  if (left > 0) recovered->get_future().wait();

  connection.id = 1;
  connection.home = reactor.get();
  connection.listener_name = "PLAINTEXT";
  connection.local_host = "127.0.0.1";
  connection.local_port = port;
  service->connected(connection);
}

test_broker::parts::~parts() {
  transactions->stop();
  groups->stop();
  workers.stop();
  reactor.reset();
  service->disconnected(connection);
  partitions->stop();
  opening.stop();
  EXPECT_TRUE(cluster->close() || files.is_down());
  base::worker_pool closing("closing", worker_threads);
  EXPECT_TRUE(directory->close(closing, 0) || files.is_down());
}

test_broker::test_broker(test_broker_options options) : parts_(std::make_unique<parts>(options)) {}
test_broker::~test_broker() = default;

std::future<reply> test_broker::start_frame(std::vector<std::byte> frame) {
  auto taker = std::make_shared<one_answer>();
  auto outcome = taker->outcome();
  parts_->reactor->post([this, taker, frame = std::move(frame)]() mutable {
    auto owner = std::make_shared<std::vector<std::byte>>(std::move(frame));
    const base::byte_span bytes(*owner);
    parts_->service->handle(parts_->connection, {bytes, std::move(owner)}, protocol::responder(taker, 0));
  });
  return outcome;
}

reply test_broker::send_frame(std::vector<std::byte> frame) {
  return start_frame(std::move(frame)).get();
}

void test_broker::make_topic(const std::string& name, std::int32_t partition_count,
                             const metadata::config_map& configs) {
  protocol::create_topics_request wanted;
  auto& topic = wanted.topics.emplace_back();
  topic.name = name;
  topic.num_partitions = partition_count;
  topic.replication_factor = -1;
  for (const auto& [key, value] : configs) topic.configs.push_back({key, value});
  const auto answer = ask<protocol::create_topics_response>(wanted);
  ASSERT_EQ(answer.topics.size(), 1U);
  ASSERT_EQ(answer.topics.front().error_code, protocol::error_code::none)
      << answer.topics.front().error_message.value_or("");
}

void test_broker::append(const std::string& topic, std::int32_t partition, int records) {
  const auto target = partitions().find(topic)->find(model::partition_index(partition));
  model::record_batch_builder builder;
  for (int i = 0; i < records; ++i)
    builder.add(model::timestamp(clock().now_ms()), {}, base::as_bytes("value"));
  auto batch = builder.build();
  const auto stored = target->append(batch, storage::append_origin::client);
  ASSERT_TRUE(stored) << stored.error().describe();
  std::promise<base::status> committed;
  target->when_committed(stored->end_offset(),
                         [&](base::status outcome) { committed.set_value(std::move(outcome)); });
  ASSERT_TRUE(committed.get_future().get());
}

server::server& test_broker::service() {
  return *parts_->service;
}
partition::partition_manager& test_broker::partitions() {
  return *parts_->partitions;
}
metadata::cluster_metadata& test_broker::cluster() {
  return *parts_->cluster;
}
manual_clock& test_broker::clock() {
  return parts_->clock;
}
storage::free_space_watch& test_broker::space() {
  return parts_->space;
}
fault_file_system& test_broker::files() {
  return parts_->files;
}
int test_broker::config_changes() const {
  return parts_->config_changes;
}

}  // namespace tidelog::test
