#include "tidelog/app/broker.hpp"

#include "disk_metrics.hpp"
#include "housekeeping.hpp"
#include "logging.hpp"
#include "metrics_port.hpp"
#include "network_metrics.hpp"
#include "thread_heap.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/metadata/cluster_metadata.hpp"
#include "tidelog/metadata/config_listeners.hpp"
#include "tidelog/network/socket_server.hpp"
#include "tidelog/partition/partition_manager.hpp"
#include "tidelog/server/server.hpp"
#include "tidelog/storage/free_space_watch.hpp"
#include "tidelog/storage/log_cleaner.hpp"
#include "tidelog/storage/log_directory.hpp"
#include "tidelog/storage/log_scrubber.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <sys/resource.h>
#include <utility>

namespace tidelog::app {
namespace {

constexpr std::chrono::seconds patience_at_stop{20};
constexpr std::chrono::seconds file_removal_interval{5};
constexpr std::int64_t default_initial_task_delay_ms = 30'000;
constexpr std::chrono::seconds producer_expiry_interval{60};
constexpr std::chrono::seconds flush_check_interval{1};
constexpr std::chrono::seconds closed_segment_sync_interval{5};
constexpr std::chrono::seconds free_space_interval{1};
constexpr std::chrono::seconds idle_log_interval{5};
/// A reactor that has not run anything for so long is stuck.
constexpr std::chrono::seconds reactor_silence{20};
/// With what else is open, and a few that are opened before others are closed, no more than 4,096.
constexpr std::size_t most_open_segments = 4000;
/// Enough to keep a disk busy, and few enough to leave something of it to others.
constexpr std::size_t cold_read_threads = 2;
/// Descriptors that are left for connections when the process may have only few.
constexpr std::size_t descriptor_share_of_segments = 4;
/// Logs that the commit journal waits for at a time, at most; as many again may be waiting for the next time. All of them
/// are open or held.
constexpr std::size_t journal_logs_in_a_round =
    (storage::open_file_cache::default_most_holds + most_open_segments) / 2;

/// Stands between network and server, so that addresses can be reserved before there is anything to serve.
class late_service final : public protocol::service {
 public:
  void serve(protocol::service& actual) { actual_ = &actual; }
  void connected(protocol::connection_info& connection) override { actual_->connected(connection); }
  void handle(protocol::connection_info& connection, protocol::request_frame frame,
              protocol::responder answer) override {
    actual_->handle(connection, std::move(frame), std::move(answer));
  }
  void disconnected(protocol::connection_info& connection) override { actual_->disconnected(connection); }

 private:
  protocol::service* actual_ = nullptr;
};

std::size_t open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return most_open_segments / descriptor_share_of_segments;
  // The soft limit is a default for old programs that use select(); the hard one is what the operator allows.
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return std::min<std::size_t>(most_open_segments, limit.rlim_cur / descriptor_share_of_segments);
}

storage::log_cleaner_settings cleaner_settings(const metadata::broker_config& config) {
  storage::log_cleaner_settings settings;
  settings.threads = config.log_cleaner_threads;
  settings.dedupe_buffer_size = config.log_cleaner_dedupe_buffer_size;
  settings.io_buffer_load_factor = config.log_cleaner_io_buffer_load_factor;
  settings.io_buffer_size = config.log_cleaner_io_buffer_size;
  settings.io_max_bytes_per_second = config.log_cleaner_io_max_bytes_per_second;
  settings.backoff_ms = config.log_cleaner_backoff_ms;
  return settings;
}

storage::log_scrubber_settings scrubber_settings(const metadata::broker_config& config) {
  return {.interval_hours = config.log_scrub_interval_hours,
          .io_max_bytes_per_second = config.log_scrub_io_max_bytes_per_second};
}

std::string address_text(const network::bound_address& address) {
  return metadata::host_and_port_text(address.host, address.port);
}

}  // namespace

struct broker::parts {
  explicit parts(daemon_settings settings_in)
      : settings(std::move(settings_in)),
        files(io::make_posix_file_system()),
        open_files(open_file_limit()),
        workers("worker", static_cast<std::size_t>(settings.values.num_io_threads)),
        recovery("recovery", static_cast<std::size_t>(settings.values.num_recovery_threads)),
        cold_reads("cold", cold_read_threads),
        reactors(static_cast<std::size_t>(settings.values.num_network_threads)),
        pings(reactors.size()),
        sockets(reactors, network, service, cold_reads) {
    for (std::size_t i = 0; i < reactors.size(); ++i)
      reactors.at(i).post([] { cache_freed_memory_of_this_thread(); });
  }

  base::status reserve_addresses();
  base::status reserve_metrics_address();
  base::status open_directory();
  base::status watch_free_space();
  base::status open_metadata_and_logs();
  void recover_partitions();
  base::status serve();
  void start_housekeeping();
  [[nodiscard]] std::vector<metadata::broker_endpoint> endpoints() const;
  [[nodiscard]] metadata::broker_config effective_config() const;
  [[nodiscard]] bool is_alive();
  void put_config_into_effect();
  base::status stop();

  daemon_settings settings;
  /// Guards settings.configured, which a reload replaces while a request may put a change into effect.
  std::mutex config_mutex;
  start_stage stage = start_stage::reserving_addresses;
  bool is_running = false;
  broker::recovery_callback recovery_listener;

  const base::clock& clock = base::system_clock();
  std::unique_ptr<io::file_system> files;
  storage::open_file_cache open_files;
  storage::group_commit commits;
  storage::log_environment environment{*files, open_files, commits, clock};
  base::worker_pool workers;
  /// Opens and closes logs, which may take long.
  base::worker_pool recovery;
  base::worker_pool cold_reads;
  network::network_settings network;
  late_service service;
  network::reactor_pool reactors;
  /// When each reactor last answered a ping.
  struct ping {
    std::int64_t answered_ms = 0;
    std::atomic<bool> is_out{false};
  };
  std::vector<ping> pings;
  /// Guards them from who else asks.
  std::mutex pings_mutex;

  /// Before all who count in it.
  metrics::registry metrics;
  /// Before the logs, which tell it that they have no room.
  std::unique_ptr<storage::free_space_watch> space;
  std::unique_ptr<storage::log_directory> directory;
  /// Nothing when log.cleaner.enable says no.
  std::unique_ptr<storage::log_cleaner> cleaner;
  std::unique_ptr<storage::log_scrubber> scrubber;
  std::unique_ptr<metadata::cluster_metadata> cluster;
  std::unique_ptr<partition::partition_manager> partitions;
  std::unique_ptr<disk_metrics> metrics_of_disk;
  std::unique_ptr<scrub_metrics> metrics_of_scrub;
  std::unique_ptr<cleaner_metrics> metrics_of_cleaner;
  std::unique_ptr<recovery_metrics> metrics_of_recovery;
  std::unique_ptr<coordinator::group_coordinator> groups;
  std::unique_ptr<coordinator::transaction_coordinator> transactions;
  std::unique_ptr<server::server> server;
  network::socket_server sockets;
  std::unique_ptr<network_metrics> metrics_of_network;
  housekeeping timely_chores;
  /// Those that may take long, which nothing else is to wait for.
  housekeeping patient_chores;
  /// Nothing where nobody wants them. Last, since it asks all of the others.
  std::unique_ptr<metrics_port> metrics_for_scrapers;
};

base::status broker::parts::reserve_addresses() {
  network.socket_request_max_bytes = settings.values.socket_request_max_bytes;
  network.socket_send_buffer_bytes = settings.values.socket_send_buffer_bytes;
  network.socket_receive_buffer_bytes = settings.values.socket_receive_buffer_bytes;
  network.socket_listen_backlog_size = settings.values.socket_listen_backlog_size;
  for (const auto& listener : settings.listeners) {
    auto bound = sockets.bind({listener.name, listener.host, listener.port});
    if (bound) continue;
    const bool is_missing = bound.error().code == std::error_code(EADDRNOTAVAIL, std::system_category()) ||
                            bound.error().code == std::error_code(EAFNOSUPPORT, std::system_category());
    if (listener.when_missing != missing_address::is_passed_over || !is_missing) return bound;
    base::say_info("not listening on {}: this machine does not have that address", listener.host);
  }
  return {};
}

base::status broker::parts::reserve_metrics_address() {
  if (!settings.metrics_address) return {};
  const auto& [host, port] = *settings.metrics_address;
  TIDELOG_TRY(metrics_for_scrapers, metrics_port::bind(host, port));
  return {};
}

base::status broker::parts::open_directory() {
  storage::log_directory_options options;
  options.node_id = settings.node_id;
  options.journal_bytes = static_cast<std::uint64_t>(settings.values.log_commit_journal_bytes);
  options.journal_logs_in_a_round = journal_logs_in_a_round;
  options.metrics = &metrics;
  TIDELOG_TRY(directory, storage::log_directory::open(environment, settings.data_directory, options));
  settings.node_id = directory->properties().node_id;
  settings.configured.insert_or_assign("node.id", std::to_string(settings.node_id->value()));
  settings.machine_defaults.insert_or_assign("broker.id", std::to_string(settings.node_id->value()));
  if (directory->start() == storage::start_kind::unclean) {
    base::say_warning("{} was not closed cleanly: its logs are recovered", settings.data_directory.string());
  }
  return watch_free_space();
}

base::status broker::parts::watch_free_space() {
  TIDELOG_TRY(const auto found, files->space(settings.data_directory));
  settings.machine_defaults.insert_or_assign(
      "log.free.space.min.bytes",
      std::to_string(storage::free_space_watch::default_reserve_bytes(found.capacity_bytes)));
  space = std::make_unique<storage::free_space_watch>(*files, clock, settings.data_directory);
  metrics_of_disk = std::make_unique<disk_metrics>(metrics, *space);
  const metadata::config_layers layers{.configuration_file = &settings.configured,
                                       .machine = &settings.machine_defaults};
  const auto reserve_bytes = metadata::effective_broker_config(layers).log_free_space_min_bytes;
  space->set_reserve_bytes(static_cast<std::uint64_t>(reserve_bytes));
  space->begin_start();
  return {};
}

std::vector<metadata::broker_endpoint> broker::parts::endpoints() const {
  std::vector<metadata::broker_endpoint> all;
  for (const auto& bound : sockets.bound()) {
    const bool is_known = std::any_of(
        all.begin(), all.end(), [&](const auto& known) { return known.listener == bound.listener_name; });
    if (is_known) continue;
    metadata::broker_endpoint endpoint{bound.listener_name, bound.host, bound.port, 0};
    for (const auto& advertised : settings.advertised) {
      if (advertised.listener != bound.listener_name) continue;
      endpoint.host = advertised.host;
      endpoint.port = advertised.port;
    }
    all.push_back(std::move(endpoint));
  }
  return all;
}

base::status broker::parts::open_metadata_and_logs() {
  metadata::cluster_metadata_settings cluster_settings;
  cluster_settings.node_id = *settings.node_id;
  cluster_settings.directory_id = directory->properties().directory_id.value_or(base::uuid{});
  cluster_settings.endpoints = endpoints();
  cluster_settings.rack = settings.values.rack;
  cluster_settings.snapshot_interval_bytes =
      static_cast<std::uint64_t>(settings.values.metadata_log_max_record_bytes_between_snapshots);
  TIDELOG_TRY(cluster,
              metadata::cluster_metadata::open(environment, settings.data_directory, cluster_settings));

  partition::partition_manager_settings manager_settings;
  manager_settings.node_id = *settings.node_id;
  manager_settings.layers = {settings.configured, settings.machine_defaults};
  partitions = std::make_unique<partition::partition_manager>(*directory, clock, recovery, manager_settings);
  partitions->set_out_of_room_listener([this](const base::error& why) { space->note_lack_of_room(why); });
  partitions->start(cluster->current());
  return {};
}

void broker::parts::recover_partitions() {
  const auto started_ms = clock.now_ms();
  const auto tell = [this, started_ms, told_ms = started_ms](std::size_t done, std::size_t total) mutable {
    constexpr std::int64_t tell_every_ms = 1000;
    const auto now_ms = clock.now_ms();
    if (done < total && now_ms - told_ms < tell_every_ms) return;
    told_ms = now_ms;
    base::say_info("recovered {} of {} logs in {} ms", done, total, now_ms - started_ms);
    if (done == total) space->end_start();
    if (recovery_listener) recovery_listener(done, total);
  };
  if (partitions->recover(tell) == 0) space->end_start();
}

metadata::broker_config broker::parts::effective_config() const {
  const auto image = cluster->current();
  const auto own =
      image->config({metadata::resource_type::broker, std::to_string(settings.node_id->value())});
  const auto everybody = image->config({metadata::resource_type::broker, ""});
  metadata::config_layers layers;
  layers.broker = own.get();
  layers.cluster_wide = everybody.get();
  layers.configuration_file = &settings.configured;
  layers.machine = &settings.machine_defaults;
  return metadata::effective_broker_config(layers);
}

void broker::parts::put_config_into_effect() {
  const std::lock_guard lock(config_mutex);
  const auto config = effective_config();
  network.max_connections = config.max_connections;
  network.max_connections_per_ip = config.max_connections_per_ip;
  network::address_limits::table overrides;
  for (const auto& each : config.max_connections_per_ip_overrides) overrides[each.address] = each.connections;
  network.max_connections_per_ip_overrides.replace(std::move(overrides));
  network.connections_max_idle_ms = config.connections_max_idle_ms;
  network.queued_max_request_bytes = config.queued_max_request_bytes;
  set_log_level(config.log_level);
  server->update_config(config);
  if (cleaner) cleaner->update(cleaner_settings(config));
  scrubber->update(scrubber_settings(config));
  space->set_reserve_bytes(static_cast<std::uint64_t>(config.log_free_space_min_bytes));
}

base::status broker::parts::serve() {
  server::server_settings server_settings;
  server_settings.node_id = *settings.node_id;
  server_settings.cluster_id = directory->properties().cluster_id;
  server_settings.directory_id = directory->properties().directory_id.value_or(base::uuid{});
  server_settings.data_directory = settings.data_directory.string();
  for (const auto& each : settings.advertised) {
    server_settings.advertised.push_back({each.listener, each.host, each.port});
  }
  server_settings.config = effective_config();
  groups = std::make_unique<coordinator::group_coordinator>(
      coordinator::group_coordinator_environment{*partitions, workers, clock, metrics},
      server_settings.config);
  groups->apply(cluster->current());
  transactions = std::make_unique<coordinator::transaction_coordinator>(
      coordinator::transaction_coordinator_environment{*partitions, *groups, workers, clock, metrics},
      server_settings.config);
  transactions->apply(cluster->current());
  partitions->set_online_listener([this](const auto& partition) {
    groups->log_was_opened(partition);
    transactions->log_was_opened(partition);
  });
  server = std::make_unique<server::server>(
      server::server_environment{*cluster, *partitions, *files, workers, cold_reads, clock, *groups,
                                 *transactions, *space},
      std::move(server_settings));
  if (settings.values.log_cleaner_enable) {
    cleaner = std::make_unique<storage::log_cleaner>(*directory, clock, cleaner_settings(effective_config()));
  }
  scrubber = std::make_unique<storage::log_scrubber>(*directory, *files, clock,
                                                     scrubber_settings(effective_config()));
  if (cleaner) metrics_of_cleaner = std::make_unique<cleaner_metrics>(metrics, *cleaner);
  metrics_of_scrub = std::make_unique<scrub_metrics>(metrics, *scrubber, *directory);
  metrics_of_recovery = std::make_unique<recovery_metrics>(metrics, *directory);
  metrics_of_network = std::make_unique<network_metrics>(metrics, sockets);
  server->set_config_listener([this] { put_config_into_effect(); });
  put_config_into_effect();
  service.serve(*server);
  start_housekeeping();
  TIDELOG_DO(sockets.start());
  if (cleaner) cleaner->start();
  scrubber->start();
  is_running = true;
  recover_partitions();
  if (metrics_for_scrapers) metrics_for_scrapers->serve(metrics, [this] { return is_alive(); });
  return {};
}

void broker::parts::start_housekeeping() {
  using std::chrono::milliseconds;
  const auto& values = settings.values;
  const auto checkpoint_interval = std::min<std::int64_t>(
      {values.log_flush_offset_checkpoint_interval_ms, values.log_flush_start_offset_checkpoint_interval_ms,
       values.high_watermark_checkpoint_interval_ms});
  const auto first_retention = values.log_initial_task_delay_ms.value_or(
      std::min<std::int64_t>(values.log_retention_check_interval_ms, default_initial_task_delay_ms));
  patient_chores.add(
      milliseconds(values.log_retention_check_interval_ms), [this] { partitions->delete_old_segments(); },
      milliseconds(first_retention));
  patient_chores.add(idle_log_interval, [this] { partitions->rest_idle_logs(); });
  patient_chores.add(file_removal_interval, [this] { partitions->remove_deleted_files(); });
  patient_chores.add(producer_expiry_interval, [this] {
    std::unique_lock lock(config_mutex);
    const auto expiration_ms = effective_config().producer_id_expiration_ms;
    lock.unlock();
    partitions->expire_producers(expiration_ms);
  });
  timely_chores.add(free_space_interval, [this] {
    space->look();
    server->bring_back_what_had_no_room();
  });
  timely_chores.add(flush_check_interval, [this] { partitions->flush_due_logs(); });
  timely_chores.add(closed_segment_sync_interval, [this] { partitions->sync_closed_segments(); });
  timely_chores.add(milliseconds(checkpoint_interval), [this] {
    auto written = directory->write_checkpoints();
    if (written) written = cluster->note_recovery_point();
    if (!written) base::say_error("checkpoints: {}", written.error().describe());
  });
  const auto after_roll = patient_chores.add_on_demand([this] { partitions->look_after_rolled_logs(); });
  partitions->set_roll_listener([this, after_roll] { patient_chores.wake(after_roll); });
  timely_chores.start();
  patient_chores.start();
}

base::status broker::parts::stop() {
  is_running = false;
  metrics_for_scrapers.reset();
  if (server) server->finish_waiting_fetches();
  // While connections are still there: members learn that they have to look for another coordinator.
  if (transactions) transactions->stop();
  if (groups) groups->stop();
  sockets.stop(patience_at_stop);
  if (partitions) partitions->end_upkeep();
  timely_chores.stop();
  patient_chores.stop();
  if (cleaner) cleaner->stop();
  if (scrubber) scrubber->stop();
  base::status outcome;
  const auto keep_first = [&outcome](base::status next) {
    if (outcome && !next) outcome = std::move(next);
  };
  std::int64_t broker_epoch = -1;
  if (partitions) partitions->stop();
  if (cluster) {
    const auto& brokers = cluster->current()->brokers();
    if (const auto self = brokers.find(settings.node_id->value()); self != brokers.end()) {
      broker_epoch = self->second.epoch;
    }
    keep_first(cluster->close());
  }
  if (directory) keep_first(directory->close(recovery, broker_epoch));
  recovery.stop();
  workers.stop();
  cold_reads.stop();
  reactors.stop();
  return outcome;
}

broker::broker(daemon_settings settings) : parts_(std::make_unique<parts>(std::move(settings))) {}

broker::~broker() {
  if (parts_->is_running) {
    if (auto stopped = stop(); !stopped) base::say_error("{}", stopped.error().describe());
  }
}

base::status broker::start() {
  parts_->stage = start_stage::reserving_addresses;
  TIDELOG_DO(parts_->reserve_addresses());
  parts_->stage = start_stage::reserving_metrics_address;
  TIDELOG_DO(parts_->reserve_metrics_address());
  parts_->stage = start_stage::opening_directory;
  TIDELOG_DO(parts_->open_directory());
  parts_->stage = start_stage::recovering;
  TIDELOG_DO(parts_->open_metadata_and_logs());
  parts_->stage = start_stage::serving;
  return parts_->serve();
}

void broker::set_recovery_listener(recovery_callback listener) {
  parts_->recovery_listener = std::move(listener);
}

start_stage broker::stage() const {
  return parts_->stage;
}

base::status broker::stop() {
  return parts_->stop();
}

void broker::reload(const metadata::config_map& configured) {
  auto next = configured;
  next.insert_or_assign("node.id", std::to_string(parts_->settings.node_id->value()));
  parts_->partitions->update_broker_layers({next, parts_->settings.machine_defaults});
  {
    const std::lock_guard lock(parts_->config_mutex);
    parts_->settings.configured = std::move(next);
  }
  parts_->put_config_into_effect();
}

bool broker::is_alive() const {
  return parts_->is_alive();
}

bool broker::parts::is_alive() {
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::steady_clock::now().time_since_epoch())
                          .count();
  const std::lock_guard guard(pings_mutex);
  bool all_answer = true;
  for (std::size_t i = 0; i < pings.size(); ++i) {
    auto& each = pings[i];
    if (!each.is_out.exchange(true)) {
      each.answered_ms = now_ms;
      reactors.at(i).post([&each] { each.is_out = false; });
    } else if (now_ms - each.answered_ms > std::chrono::milliseconds(reactor_silence).count()) {
      all_answer = false;
    }
  }
  return all_answer;
}

std::vector<std::string> broker::addresses() const {
  std::vector<std::string> all;
  for (const auto& bound : parts_->sockets.bound()) all.push_back(address_text(bound));
  return all;
}

std::string broker::metrics_address() const {
  return parts_->metrics_for_scrapers ? parts_->metrics_for_scrapers->address() : std::string();
}

}  // namespace tidelog::app
