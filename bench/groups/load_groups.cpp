// How long a broker takes to load its groups: 1,000,000 committed offsets in one partition of __consumer_offsets, written
// through the coordinator and read again by another, as a restart does.
//
//   bench_load_groups [DIRECTORY [GROUPS [OFFSETS-EACH]]]

#include <fmt/core.h>

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/metadata/records.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <thread>

namespace {

using namespace tidelog;  // NOLINT(google-build-using-namespace): a program of one page

template <class T>
T must(base::result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().describe());
  if constexpr (!std::is_void_v<T>) return std::move(*outcome);
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// A broker as far as groups need one.
struct broker {
  explicit broker(const std::filesystem::path& path)
      : directory(must(storage::log_directory::open(environment, path, {}))),
        cluster(must(metadata::cluster_metadata::open(environment, path, {}))),
        partitions(*directory, clock, workers, {}) {
    make_topic();
    partitions.start(cluster->current());
    std::promise<void> recovered;
    const auto left = partitions.recover([&](std::size_t done, std::size_t total) {
      if (done == total) recovered.set_value();
    });
    if (left > 0) recovered.get_future().wait();
  }
  ~broker() {
    groups.stop();
    partitions.stop();
    must(cluster->close());
    must(directory->close(workers, 1));
  }

  void make_topic() {
    must(cluster->change([](const metadata::image& before) -> base::result<std::vector<metadata::record>> {
      std::vector<metadata::record> records;
      if (before.topic(coordinator::offsets_topic)) return records;
      const auto id = base::random_uuid();
      records.emplace_back(metadata::topic_record{coordinator::offsets_topic, id});
      metadata::partition_record made;
      made.topic_id = id;
      made.partition_id = made.leader_epoch = made.partition_epoch = 0;
      made.replicas = made.isr = {1};
      made.leader = 1;
      records.emplace_back(made);
      constexpr auto topic = static_cast<std::int8_t>(metadata::resource_type::topic);
      const auto add_config = [&](const char* key, const char* value) {
        records.emplace_back(metadata::config_record{topic, coordinator::offsets_topic, key, value});
      };
      add_config("cleanup.policy", "compact");
      // Writing is not what is measured.
      add_config("flush.messages", "9223372036854775807");
      return records;
    }));
  }
  std::size_t load() {
    groups.apply(cluster->current());
    while (true) {
      std::promise<coordinator::list_groups_answer> listed;
      groups.list_groups(
          [&](coordinator::list_groups_answer answer) { listed.set_value(std::move(answer)); });
      auto answer = listed.get_future().get();
      if (!answer.error) return answer.groups.size();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void commit(const std::string& group, int offsets) {
    coordinator::commit_request request;
    request.group_id = group;
    auto& topic = request.topics.emplace_back();
    topic.name = "topic-with-a-usual-name";
    topic.topic_id = base::random_uuid();
    for (int i = 0; i < offsets; ++i) topic.partitions.push_back({i, {model::offset(i), {}, ""}});
    std::promise<std::error_code> done;
    groups.commit_offsets(std::move(request),
                          [&](const coordinator::commit_answer& answer) { done.set_value(answer.error); });
    if (const auto error = done.get_future().get()) throw std::runtime_error(error.message());
  }

  const base::clock& clock = base::system_clock();
  std::unique_ptr<io::file_system> files = io::make_posix_file_system();
  storage::open_file_cache open_files{64};
  storage::group_commit commits;
  storage::log_environment environment{*files, open_files, commits, clock};
  base::worker_pool workers{"worker", 2};
  std::unique_ptr<storage::log_directory> directory;
  std::unique_ptr<metadata::cluster_metadata> cluster;
  partition::partition_manager partitions;
  metrics::registry metrics;
  coordinator::group_coordinator groups{{partitions, workers, clock, metrics},
                                        metadata::effective_broker_config({})};
};

}  // namespace

int main(int count, char** arguments) {
  const std::filesystem::path path =
      count > 1 ? arguments[1] : std::filesystem::temp_directory_path() / "tidelog-load-groups";
  const int groups = count > 2 ? std::atoi(arguments[2]) : 1'000;
  const int offsets = count > 3 ? std::atoi(arguments[3]) : 1'000;
  std::filesystem::remove_all(path);
  try {
    {
      broker first(path);
      first.load();
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < groups; ++i) first.commit("group-" + std::to_string(i), offsets);
      fmt::print("wrote  {} offsets of {} groups in {:.2f} s\n", groups * offsets, groups,
                 seconds_since(begin));
    }
    broker second(path);
    const auto begin = std::chrono::steady_clock::now();
    const auto loaded = second.load();
    const auto took = seconds_since(begin);
    fmt::print("loaded {} offsets of {} groups in {:.2f} s, {:.0f} a second\n", groups * offsets, loaded,
               took, groups * offsets / took);
  } catch (const std::exception& failed) {
    fmt::print(stderr, "{}\n", failed.what());
    return 1;
  }
  std::filesystem::remove_all(path);
  return 0;
}
