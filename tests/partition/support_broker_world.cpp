#include "broker_world.hpp"

#include <stdexcept>

namespace tidelog::test {
namespace {

template <class T>
T value_or_throw(base::result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().describe());
  return std::move(*outcome);
}

void require(const base::status& outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().describe());
}

}  // namespace

void recover_and_wait(partition::partition_manager& manager) {
  auto over = std::make_shared<std::promise<void>>();
  const auto left = manager.recover([over](std::size_t done, std::size_t total) {
    if (done == total) over->set_value();
  });
  if (left > 0) over->get_future().wait();
}

broker_run::broker_run(fault_file_system& files, partition::broker_layers layers, recovery how)
    : environment_{files, open_files_, commits_, clock} {
  directory_ = value_or_throw(storage::log_directory::open(environment_, "/data", {}));
  metadata::cluster_metadata_settings settings;
  settings.directory_id = directory_->properties().directory_id.value_or(base::uuid{});
  settings.endpoints = {{"PLAINTEXT", "localhost", 9092, 0}};
  cluster_ = value_or_throw(metadata::cluster_metadata::open(environment_, "/data", settings));
  partition::partition_manager_settings manager_settings;
  manager_settings.layers = std::move(layers);
  manager_ =
      std::make_unique<partition::partition_manager>(*directory_, clock, pool_, std::move(manager_settings));
  manager_->start(cluster_->current());
  if (how == recovery::waited_for) recover_and_wait(*manager_);
}

broker_run::~broker_run() {
  manager_->stop();
  // As the daemon does, not by letting go of them: the last who has one may be a callback of its own commit, which cannot
  // wait for itself.
  for (const auto& each : directory_->logs())
    static_cast<void>(each.opened->close(storage::close_kind::discard));
}

void broker_run::stop_cleanly() {
  manager_->stop();
  require(cluster_->close());
  require(directory_->close(pool_, 1));
}

metadata::image_ptr broker_run::record(std::vector<metadata::record> records) {
  return value_or_throw(cluster_->change(
      [&](const metadata::image&) -> base::result<std::vector<metadata::record>> { return records; }));
}

void broker_run::record_topic(const std::string& name, std::int32_t partitions,
                              const metadata::config_map& configs) {
  const auto before = image()->topic(name);
  const auto id = before ? before->id : base::random_uuid();
  std::vector<metadata::record> records;
  if (!before) records.emplace_back(metadata::topic_record{name, id});
  for (auto index = before ? static_cast<std::int32_t>(before->partitions.size()) : 0; index < partitions;
       ++index) {
    metadata::partition_record made;
    made.partition_id = index;
    made.topic_id = id;
    made.replicas = made.isr = {1};
    made.leader = 1;
    made.leader_epoch = made.partition_epoch = 0;
    records.emplace_back(made);
  }
  for (const auto& [key, value] : configs) {
    const auto type = static_cast<std::int8_t>(metadata::resource_type::topic);
    records.emplace_back(metadata::config_record{type, name, key, value});
  }
  record(std::move(records));
}

void broker_run::record_deletion(const std::string& name) {
  record({metadata::remove_topic_record{image()->topic(name)->id}});
}

partition::partition_ptr broker_run::create(const std::string& name, const metadata::config_map& configs) {
  record_topic(name, 1, configs);
  apply();
  return find(name);
}

void broker_run::remove(const std::string& name) {
  record_deletion(name);
  apply();
}

void broker_run::set_config(metadata::resource_type type, const std::string& resource, const std::string& key,
                            const std::optional<std::string>& value) {
  record({metadata::config_record{static_cast<std::int8_t>(type), resource, key, value}});
  apply();
}

partition::partition_ptr broker_run::find(const std::string& topic, std::int32_t index) {
  const auto hosted = manager().find(topic);
  return hosted ? hosted->find(model::partition_index(index)) : nullptr;
}

storage::appended append(partition::partition& to, const produced_batch& of) {
  auto batch = make_batch(of);
  auto outcome = to.append(batch, storage::append_origin::client);
  if (!outcome) {
    ADD_FAILURE() << outcome.error().describe();
    return {};
  }
  return *outcome;
}

base::status wait_committed(partition::partition& of, model::offset end) {
  std::promise<base::status> reached;
  auto outcome = reached.get_future();
  of.when_committed(end, [&](base::status state) { reached.set_value(std::move(state)); });
  return outcome.get();
}

void append_committed(partition::partition& to, const produced_batch& of) {
  const auto committed = wait_committed(to, append(to, of).end_offset());
  if (!committed) ADD_FAILURE() << committed.error().describe();
}

std::vector<std::string> consume(partition::partition& of) {
  std::vector<std::string> values;
  auto from = of.log_start_offset();
  while (true) {
    auto slice = of.read(from, {.max_bytes = 1 << 20}, storage::read_bound::high_watermark(),
                         io::patience::waits_for_disk);
    if (!slice) {
      ADD_FAILURE() << slice.error().describe();
      return values;
    }
    if (slice->data.length == 0) return values;
    std::vector<std::byte> bytes(slice->data.length);
    EXPECT_TRUE(slice->data.source->read_at(bytes, slice->data.position));
    for (auto& value : values_in(bytes)) values.push_back(std::move(value));
    from = slice->next_offset;
  }
}

test_waiter::test_waiter(std::uint64_t wanted_bytes)
    : waiter_(std::make_shared<partition::fetch_waiter>(wanted_bytes,
                                                        [woken = promise_] { woken->set_value(); })) {}

}  // namespace tidelog::test
