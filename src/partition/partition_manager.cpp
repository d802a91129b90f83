#include "tidelog/partition/partition_manager.hpp"

#include "out_of_room.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/base/share_out.hpp"
#include "tidelog/metadata/shared_map.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

namespace tidelog::partition {

struct partition_manager::table {
  metadata::shared_map<std::string, hosted_topic_ptr> by_name;
  metadata::shared_map<model::topic_id, hosted_topic_ptr> by_id;
};

struct partition_manager::rolled_list {
  void add(std::weak_ptr<partition> of) {
    bool is_first = false;
    {
      const std::lock_guard lock(mutex);
      is_first = partitions.empty();
      partitions.push_back(std::move(of));
    }
    if (is_first && listener) listener();
  }

  std::mutex mutex;
  std::vector<std::weak_ptr<partition>> partitions;
  std::function<void()> listener;
};

namespace {

/// Between two rests.
constexpr std::size_t segments_removed_at_once = 16;
constexpr std::size_t directories_removed_at_once = 4;
constexpr std::chrono::milliseconds longest_rest_between_removals{200};

metadata::resource topic_resource(const std::string& topic) {
  return {metadata::resource_type::topic, topic};
}
metadata::resource broker_resource(model::broker_id node) {
  return {metadata::resource_type::broker, std::to_string(node.value())};
}
metadata::resource every_broker() {
  return {metadata::resource_type::broker, ""};
}

}  // namespace

partition_ptr hosted_topic::find(model::partition_index index) const {
  const auto place = static_cast<std::size_t>(index.value());
  return index.value() >= 0 && place < partitions.size() ? partitions[place] : nullptr;
}

metadata::config_layers partition_manager::layers_of_topic::view() const {
  return {.topic = topic.get(),
          .group = nullptr,
          .broker = broker.get(),
          .cluster_wide = cluster_wide.get(),
          .configuration_file = &below->configuration_file,
          .machine = &below->machine};
}

partition_manager::partition_manager(storage::log_directory& directory, const base::clock& clock,
                                     base::worker_pool& opening, partition_manager_settings settings)
    : directory_(directory),
      clock_(clock),
      opening_(opening),
      node_id_(settings.node_id),
      rolled_(std::make_shared<rolled_list>()),
      out_of_room_(std::make_shared<out_of_room>()),
      table_(std::make_shared<const table>()),
      layers_(std::make_shared<const broker_layers>(std::move(settings.layers))) {}

partition_manager::~partition_manager() {
  stop();
  std::unique_lock lock(background_mutex_);
  background_is_over_.wait(lock, [this] { return background_tasks_ == 0; });
}

void partition_manager::in_background(base::task work) {
  {
    const std::lock_guard lock(background_mutex_);
    ++background_tasks_;
  }
  opening_.submit([this, work = std::move(work)]() mutable {
    work();
    // Notified under the lock: the destructor takes all this away as soon as it sees the last one.
    const std::lock_guard lock(background_mutex_);
    if (--background_tasks_ == 0) background_is_over_.notify_all();
  });
}

std::shared_ptr<const partition_manager::table> partition_manager::current() const {
  const std::lock_guard lock(table_mutex_);
  return table_;
}

void partition_manager::publish(std::shared_ptr<const table> next) {
  const std::lock_guard lock(table_mutex_);
  table_ = std::move(next);
}

partition_manager::layers_of_topic partition_manager::layers(const metadata::image& image,
                                                             const std::string& topic) const {
  const std::lock_guard lock(table_mutex_);
  return {image.config(topic_resource(topic)), image.config(broker_resource(node_id_)),
          image.config(every_broker()), layers_};
}

std::shared_ptr<const metadata::topic_config> partition_manager::config_of(const metadata::image& image,
                                                                           const std::string& topic) const {
  return std::make_shared<const metadata::topic_config>(
      metadata::effective_topic_config(layers(image, topic).view()));
}

void partition_manager::set_aside_strays(const metadata::image& image) {
  for (const auto& found : directory_.partitions()) {
    const auto topic = image.topic(found.topic);
    const bool is_ours =
        topic && found.partition.value() < static_cast<std::int32_t>(topic->partitions.size());
    if (is_ours) continue;
    if (auto aside = set_aside_stray(found); !aside) base::say_error("{}", aside.error().describe());
  }
}

base::status partition_manager::set_aside_stray(const model::topic_partition& which) {
  base::say_warning("{} belongs to no topic of the metadata and is set aside", which.text());
  return directory_.set_aside_stray(which);
}

void partition_manager::start(const metadata::image_ptr& image) {
  const std::lock_guard applying(apply_mutex_);
  set_aside_strays(*image);
  auto next = std::make_shared<table>();
  for (const auto& topic : image->topics()) {
    auto hosted = std::make_shared<hosted_topic>();
    hosted->state = topic;
    const auto config = config_of(*image, topic->name);
    for (const auto& state : topic->partitions) {
      hosted->partitions.push_back(std::make_shared<partition>(
          model::topic_partition{topic->name, state.index}, topic->id, state.epoch, config));
    }
    next->by_name.set(topic->name, hosted);
    next->by_id.set(topic->id, std::move(hosted));
  }
  publish(std::move(next));
  applied_ = image;
  if (directory_.start() != storage::start_kind::clean) return;
  const auto all = all_partitions();
  base::share_out(
      opening_, all.size(), [&](std::size_t i) { static_cast<void>(open(all[i])); }, [](std::size_t) {});
}

void partition_manager::put_quick_recoveries_first(std::vector<partition_ptr>& all) const {
  std::vector<std::pair<std::int64_t, partition_ptr>> by_work;
  by_work.reserve(all.size());
  for (auto& each : all) {
    const auto records = directory_.records_to_recover(each->name());
    by_work.emplace_back(records, std::move(each));
  }
  std::ranges::stable_sort(by_work, {}, &std::pair<std::int64_t, partition_ptr>::first);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::move(by_work[i].second);
}

std::size_t partition_manager::recover(progress_callback progress) {
  struct shared_progress {
    explicit shared_progress(progress_callback callback) : tell(std::move(callback)) {}
    std::mutex mutex;
    progress_callback tell;
    std::size_t done = 0;
  };
  auto all = all_partitions();
  std::erase_if(all, [](const auto& each) {
    const auto available = each->check_available();
    return available || available.error().code != errc::recovering;
  });
  put_quick_recoveries_first(all);
  const auto shared = std::make_shared<shared_progress>(std::move(progress));
  for (const auto& each : all) {
    in_background([this, each, shared, total = all.size()] {
      // Whether it worked is for the partition to say.
      static_cast<void>(open_and_tell(each));
      const std::lock_guard lock(shared->mutex);
      ++shared->done;
      if (shared->tell) shared->tell(shared->done, total);
    });
  }
  return all.size();
}

base::result<std::shared_ptr<storage::log>> partition_manager::open_log_of(
    const partition_ptr& of, const std::atomic<bool>& given_up) {
  // What had a log has a directory: nobody is to find an empty one in the place of a disk that is gone.
  const auto missing = of->openings() > 0 ? storage::when_missing::fail : storage::when_missing::create;
  if (directory_.find(of->name())) TIDELOG_DO(directory_.let_go(of->name()));
  const storage::log_request request{of->name(), of->topic_id(), log_config_of(*of->config()), &given_up};
  auto found = directory_.open_log(request, missing);
  if (!found && found.error().code == storage::errc::topic_id_mismatch && of->openings() == 0) {
    // A topic of that name was deleted, and a crash has taken back that its directory was renamed.
    TIDELOG_DO(set_aside_stray(of->name()));
    found = directory_.open_log(request, missing);
  }
  if (!found) {
    out_of_room_->note(found.error(), of);
    return found;
  }
  auto opened = std::move(*found);
  opened->set_offline_listener([list = out_of_room_, which = std::weak_ptr<partition>(of)](
                                   const base::error& why) { list->note(why, which); });
  opened->set_roll_listener(
      [rolled = rolled_, which = std::weak_ptr<partition>(of)]() mutable { rolled->add(which); });
  return opened;
}

base::status partition_manager::open(const partition_ptr& of) {
  auto opened = of->open([&](const std::atomic<bool>& given_up) { return open_log_of(of, given_up); });
  if (!opened && opened.error().code == errc::offline) base::say_error("{}", opened.error().describe());
  return opened;
}

base::status partition_manager::open_and_tell(const partition_ptr& of) {
  auto opened = open(of);
  if (opened && came_online_) came_online_(of);
  return opened;
}

void partition_manager::reopen(const partition_ptr& of, base::unique_function<void(base::status)> done) {
  in_background([this, of, done = std::move(done)]() mutable {
    auto opened = open_and_tell(of);
    if (opened) base::say_info("{} is online again", of->name().text());
    done(std::move(opened));
  });
}

std::vector<partition_ptr> partition_manager::out_of_room_and_due() {
  return out_of_room_->due(clock_.now_ms());
}

void partition_manager::set_out_of_room_listener(std::function<void(const base::error&)> listener) {
  out_of_room_->set_listener(std::move(listener));
}

void partition_manager::set_online_listener(std::function<void(const partition_ptr&)> listener) {
  came_online_ = std::move(listener);
}

void partition_manager::apply(const metadata::image_ptr& image) {
  const std::lock_guard applying(apply_mutex_);
  if (applied_ && applied_->last_offset() >= image->last_offset()) return;
  auto next = std::make_shared<table>(*current());
  std::vector<hosted_topic_ptr> gone;
  std::vector<metadata::topic_ptr> changed;
  metadata::image::for_each_topic_change(
      *applied_, *image, [&](const metadata::topic_ptr& before, const metadata::topic_ptr& after) {
        if (after) {
          changed.push_back(after);
        } else if (const auto* const hosted = next->by_id.find(before->id)) {
          gone.push_back(*hosted);
        }
      });
  // What goes makes room first: a topic may have been deleted and created again under the same name.
  for (const auto& topic : gone) {
    next->by_id.erase(topic->state->id);
    next->by_name.erase(topic->state->name);
  }
  if (!gone.empty()) publish(std::make_shared<const table>(*next));
  for (const auto& topic : gone) take_down(topic);
  for (const auto& topic : changed) {
    const auto* const before = next->by_id.find(topic->id);
    auto hosted = bring_up(*image, topic, before ? *before : nullptr);
    next->by_name.set(topic->name, hosted);
    next->by_id.set(topic->id, std::move(hosted));
  }
  publish(next);

  bool every_topic = false;
  metadata::image::for_each_config_change(*applied_, *image, [&](const metadata::resource& of) {
    if (of.type == metadata::resource_type::broker) every_topic = true;
    if (of.type != metadata::resource_type::topic) return;
    if (const auto* const hosted = next->by_name.find(of.name)) reconfigure(*image, **hosted);
  });
  if (every_topic) {
    next->by_name.for_each(
        [&](const std::string&, const hosted_topic_ptr& hosted) { reconfigure(*image, *hosted); });
  }
  applied_ = image;
}

hosted_topic_ptr partition_manager::bring_up(const metadata::image& image, const metadata::topic_ptr& state,
                                             const hosted_topic_ptr& before) {
  auto hosted = std::make_shared<hosted_topic>();
  hosted->state = state;
  const auto config = config_of(image, state->name);
  for (const auto& partition_state : state->partitions) {
    if (before && hosted->partitions.size() < before->partitions.size()) {
      const auto& kept = before->partitions[hosted->partitions.size()];
      if (partition_state.epoch > kept->leader_epoch()) kept->begin_epoch(partition_state.epoch);
      hosted->partitions.push_back(kept);
      continue;
    }
    const auto made = std::make_shared<partition>(model::topic_partition{state->name, partition_state.index},
                                                  state->id, partition_state.epoch, config);
    // Whether it worked is for the partition to say.
    static_cast<void>(open(made));
    hosted->partitions.push_back(made);
  }
  return hosted;
}

void partition_manager::take_down(const hosted_topic_ptr& topic) {
  for (const auto& gone : topic->partitions) {
    const bool has_directory = gone->check_available().has_value();
    gone->retire();
    const auto due_ms = clock_.now_ms() + gone->config()->file_delete_delay_ms;
    auto deleted = directory_.delete_log(gone->name(), due_ms);
    if (!deleted && (has_directory || deleted.error().code != storage::errc::unknown_partition)) {
      base::say_error("deleting {}: {}", gone->name().text(), deleted.error().describe());
    }
  }
  if (auto synced = directory_.sync_names(); !synced) {
    base::say_warning("a power cut may bring back the directories of {}: {}", topic->state->name,
                      synced.error().describe());
  }
}

void partition_manager::reconfigure(const metadata::image& image, const hosted_topic& topic) const {
  const auto config = config_of(image, topic.state->name);
  for (const auto& each : topic.partitions) {
    if (*each->config() != *config) each->update_config(config);
  }
}

void partition_manager::update_broker_layers(broker_layers layers) {
  const std::lock_guard applying(apply_mutex_);
  {
    const std::lock_guard lock(table_mutex_);
    layers_ = std::make_shared<const broker_layers>(std::move(layers));
  }
  if (!applied_) return;
  for (const auto& topic : topics()) reconfigure(*applied_, *topic);
}

hosted_topic_ptr partition_manager::find(const std::string& topic) const {
  const auto now = current();
  const auto* const found = now->by_name.find(topic);
  return found ? *found : nullptr;
}

hosted_topic_ptr partition_manager::find(const model::topic_id& id) const {
  const auto now = current();
  const auto* const found = now->by_id.find(id);
  return found ? *found : nullptr;
}

std::vector<hosted_topic_ptr> partition_manager::topics() const {
  std::vector<hosted_topic_ptr> all;
  current()->by_name.for_each(
      [&](const std::string&, const hosted_topic_ptr& topic) { all.push_back(topic); });
  return all;
}

std::vector<partition_ptr> partition_manager::all_partitions() const {
  std::vector<partition_ptr> all;
  current()->by_name.for_each([&](const std::string&, const hosted_topic_ptr& topic) {
    all.insert(all.end(), topic->partitions.begin(), topic->partitions.end());
  });
  return all;
}

void partition_manager::set_roll_listener(std::function<void()> listener) {
  rolled_->listener = std::move(listener);
}

void partition_manager::delete_old_segments_of(const partition_ptr& of, base::unix_ms now_ms,
                                               storage::retention_rules by) {
  of->with_log([&](storage::log& log) {
    if (auto removed = log.delete_old_segments(now_ms, by); !removed) {
      base::say_error("retention of {}: {}", of->name().text(), removed.error().describe());
    }
  });
}

void partition_manager::remove_slowly(const std::function<std::size_t()>& remove_some) const {
  std::size_t left = std::numeric_limits<std::size_t>::max();
  while (!upkeep_ends_.load()) {
    const auto begun = std::chrono::steady_clock::now();
    const std::size_t now_left = remove_some();
    if (now_left == 0 || now_left >= left) return;
    left = now_left;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begun,
                                                                   longest_rest_between_removals));
  }
}

void partition_manager::remove_deleted_files_of(const partition_ptr& of, base::unix_ms now_ms) {
  remove_slowly([&] {
    std::size_t waiting = 0;
    of->with_log([&](storage::log& log) {
      auto left = log.remove_deleted_files(now_ms, segments_removed_at_once);
      if (left) waiting = *left;
      if (!left) {
        base::say_warning("removing deleted segments of {}: {}", of->name().text(), left.error().describe());
      }
    });
    return waiting;
  });
}

void partition_manager::delete_old_segments() {
  for (const auto& each : all_partitions()) {
    if (upkeep_ends_.load()) return;
    // Asked anew for each: beside a time from before the round, records that have come since are of the future.
    delete_old_segments_of(each, clock_.now_ms(), storage::retention_rules::age_and_size);
  }
}

void partition_manager::look_after_rolled_logs() {
  std::vector<std::weak_ptr<partition>> rolled;
  {
    const std::lock_guard lock(rolled_->mutex);
    rolled.swap(rolled_->partitions);
  }
  const auto now_ms = clock_.now_ms();
  for (const auto& which : rolled) {
    const auto each = which.lock();
    if (!each) continue;
    delete_old_segments_of(each, now_ms, storage::retention_rules::size_only);
    remove_deleted_files_of(each, now_ms);
  }
}

void partition_manager::sync_closed_segments() {
  for (const auto& each : all_partitions()) {
    each->with_log([](storage::log& log) { log.sync_closed_segments(); });
  }
}

std::size_t partition_manager::rest_idle_logs() {
  using idleness = storage::log::idleness;
  std::size_t in_use = 0;
  std::vector<partition_ptr> unsynced;
  for (const auto& each : all_partitions()) {
    auto found = idleness::at_rest;
    each->with_log([&](storage::log& log) { found = log.rest_if_idle(); });
    if (found == idleness::in_use || found == idleness::unsynced) ++in_use;
    if (found == idleness::unsynced) unsynced.push_back(each);
  }
  directory_.sync_together(unsynced.size());
  for (const auto& each : unsynced) each->with_log([](storage::log& log) { log.sync_soon(); });
  return in_use;
}

void partition_manager::flush_due_logs() {
  const auto now_ms = clock_.now_ms();
  current()->by_name.for_each([&](const std::string&, const hosted_topic_ptr& topic) {
    // Asked once a second: topics without a flush time, which are most, cost next to nothing.
    if (topic->partitions.front()->config()->flush_ms == storage::never_flush) return;
    for (const auto& each : topic->partitions) {
      each->with_log([&](storage::log& log) { log.flush_if_due(now_ms); });
    }
  });
}

void partition_manager::remove_deleted_files() {
  const auto now_ms = clock_.now_ms();
  for (const auto& each : all_partitions()) remove_deleted_files_of(each, now_ms);
  remove_slowly([&] { return directory_.remove_deleted(now_ms, directories_removed_at_once); });
}

void partition_manager::end_upkeep() {
  upkeep_ends_.store(true);
}

void partition_manager::expire_producers(std::int64_t expiration_ms) {
  const auto now_ms = clock_.now_ms();
  for (const auto& each : all_partitions()) {
    each->with_log([&](storage::log& log) { log.expire_producers(now_ms, expiration_ms); });
  }
}

void partition_manager::wake_waiting_fetches() {
  for (const auto& each : all_partitions()) each->wake_all();
}

void partition_manager::stop() {
  const auto all = all_partitions();
  for (const auto& each : all) each->begin_retiring();
  for (const auto& each : all) each->retire();
}

}  // namespace tidelog::partition
