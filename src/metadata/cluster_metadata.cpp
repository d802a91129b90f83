#include "tidelog/metadata/cluster_metadata.hpp"

#include "image_builder.hpp"
#include "snapshot.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/codec/message.hpp"
#include "tidelog/codec/wire_writer.hpp"
#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/partition_metadata.hpp"

#include <charconv>
#include <future>
#include <utility>

namespace tidelog::metadata {
namespace {

constexpr std::string_view directory_name = "__cluster_metadata-0";
constexpr std::string_view recovery_point_name = "recovery-point";
constexpr std::size_t read_bytes_at_once = 1024 * 1024;
constexpr std::int64_t producer_ids_in_a_block = 1000;
constexpr std::size_t snapshots_kept = 2;
constexpr std::uint64_t most_quorum_state_bytes = 64 * 1024;

/// The id that Kafka gives the metadata topic: 15 zero bytes and a one.
base::uuid metadata_topic_id() {
  base::uuid id;
  id.bytes.back() = std::byte{1};
  return id;
}

model::topic_partition metadata_partition() {
  return {"__cluster_metadata", model::partition_index(0)};
}

/// A file that makes no sense is as good as none.
model::offset read_recovery_point(io::file_system& files, const io::path& directory) {
  const auto read = storage::read_offset_checkpoint(files, directory / recovery_point_name);
  if (!read) {
    base::say_warning("{}; what is damaged is taken for the end of the metadata log",
                      read.error().describe());
    return model::offset(0);
  }
  const auto found = read->find(metadata_partition());
  return found == read->end() ? model::offset(0) : found->second;
}

storage::log_config_ptr metadata_log_config() {
  storage::log_config config;
  config.cleanup.remove = false;
  config.flush_messages = 1;
  return std::make_shared<const storage::log_config>(config);
}

/// LeaderChangeMessage, version 0, of a quorum of one: its version, the leader, voters, granting voters, no tags.
std::vector<std::byte> leader_change_value(model::broker_id leader) {
  codec::wire_writer writer;
  writer.write_integer<std::int16_t>(0);
  writer.write_integer<std::int32_t>(leader.value());
  for (int list = 0; list < 2; ++list) {
    writer.write_unsigned_varint(2);  // one element, counted as compact arrays do
    writer.write_integer<std::int32_t>(leader.value());
    writer.write_unsigned_varint(0);
  }
  writer.write_unsigned_varint(0);
  return std::move(writer).take().memory;
}

/// What a new metadata log begins with: the feature levels that this program serves.
std::vector<record> bootstrap_records() {
  return {begin_transaction_record{"Bootstrap records"},
          feature_level_record{"metadata.version", 30},
          feature_level_record{"eligible.leader.replicas.version", 1},
          feature_level_record{"group.version", 1},
          feature_level_record{"transaction.version", 2},
          config_record{static_cast<std::int8_t>(resource_type::broker), "", "min.insync.replicas", "1"},
          end_transaction_record{}};
}

/// What a metadata log of an earlier version of this program lacks, or of a Kafka that does not serve the consumer protocol
/// or transactions of version 2; nothing where it stands at a level that the feature does not go with.
std::vector<record> missing_features(const image& of) {
  struct later_feature {
    const char* name;
    std::int16_t level;
    std::int16_t first_metadata_version;
  };
  constexpr later_feature later[] = {{"group.version", 1, 22}, {"transaction.version", 2, 24}};
  std::vector<record> missing;
  for (const auto& feature : later) {
    if (of.feature_level(feature.name) == 0 &&
        of.feature_level("metadata.version") >= feature.first_metadata_version) {
      missing.emplace_back(feature_level_record{feature.name, feature.level});
    }
  }
  return missing;
}

std::string quorum_state_text(model::broker_id node, model::leader_epoch epoch) {
  return fmt::format(R"({{"clusterId":"","leaderId":{0},"leaderEpoch":{1},"votedId":-1,"appliedOffset":0,)"
                     R"("currentVoters":[{{"voterId":{0}}}],"data_version":0}})",
                     node.value(), epoch.value());
}

/// The number after "KEY": in a flat JSON object.
std::optional<std::int32_t> json_number(std::string_view text, std::string_view key) {
  const auto quoted = fmt::format("\"{}\":", key);
  const auto at = text.find(quoted);
  if (at == std::string_view::npos) return {};
  std::int32_t value = 0;
  const auto* const begin = text.data() + at + quoted.size();
  if (std::from_chars(begin, text.data() + text.size(), value).ec != std::errc{}) return {};
  return value;
}

}  // namespace

cluster_metadata::cluster_metadata(const storage::log_environment& environment, io::path directory,
                                   cluster_metadata_settings settings)
    : environment_(environment), directory_(std::move(directory)), settings_(std::move(settings)) {}

cluster_metadata::~cluster_metadata() = default;

base::result<std::unique_ptr<cluster_metadata>> cluster_metadata::open(
    const storage::log_environment& environment, const io::path& data_directory,
    cluster_metadata_settings settings) {
  std::unique_ptr<cluster_metadata> made(
      new cluster_metadata(environment, data_directory / directory_name, std::move(settings)));
  TIDELOG_DO(made->open_log());
  TIDELOG_DO(made->begin_epoch());
  return made;
}

base::status cluster_metadata::open_log() {
  auto& files = environment_.files;
  TIDELOG_TRY(const bool is_there, files.exists(directory_));
  if (!is_there) {
    TIDELOG_DO(files.make_directories(directory_));
    TIDELOG_DO(files.sync_directory(directory_.parent_path()));
  }
  TIDELOG_TRY(auto snapshot, load_newest_snapshot(files, directory_));
  storage::log_open_options options;
  options.start = storage::start_kind::unclean;
  options.recovery_point = noted_recovery_point_ = read_recovery_point(files, directory_);
  TIDELOG_TRY(log_, storage::log::open(environment_, directory_, metadata_log_config(), options));
  image_builder builder(snapshot ? *snapshot : image{});
  const auto first = snapshot ? snapshot->last_offset() + 1 : model::offset(0);
  if (log_->log_end_offset() < first) {
    base::say_warning("the metadata log ends at {}, before its snapshot at {}: going on from the snapshot",
                      log_->log_end_offset().value(), first.value());
    TIDELOG_DO(log_->truncate_fully_and_start_at(first));
  }
  if (log_->log_start_offset() > first) {
    return base::fail(errc::corrupt_metadata, "{} begins at offset {}, and no snapshot holds what was before",
                      directory_.string(), log_->log_start_offset().value());
  }
  TIDELOG_DO(replay(builder));
  pending_ = builder.build();
  // Not written anew at each start: a start needs as little room as can be.
  const auto id = storage::read_partition_metadata(files, directory_);
  if (id && *id == metadata_topic_id()) return {};
  return storage::write_partition_metadata(files, directory_, metadata_topic_id());
}

base::error cluster_metadata::damage(model::offset first, model::offset next) const {
  return {make_error_code(errc::corrupt_metadata),
          fmt::format(
              "{}: the records from offset {} to {} are lost or damaged, and topics or configs with them; "
              "restore {} from a copy, or remove {} to start with what was before",
              directory_.native(), first.value(), next.value() - 1, directory_.native(),
              (directory_ / recovery_point_name).native())};
}

base::status cluster_metadata::note_recovery_point() {
  const std::lock_guard lock(change_mutex_);
  const auto reached = log_->recovery_point();
  if (reached == noted_recovery_point_) return {};
  TIDELOG_DO(storage::write_offset_checkpoint(environment_.files, directory_ / recovery_point_name,
                                              {{metadata_partition(), reached}}));
  noted_recovery_point_ = reached;
  return {};
}

base::status cluster_metadata::replay(image_builder& builder) {
  auto at = std::max(builder.build()->last_offset() + 1, log_->log_start_offset());
  const storage::read_limit limit{read_bytes_at_once,
                                  storage::read_limit::oversized_first_batch::return_whole};
  std::vector<std::byte> buffer;
  // Nothing is ever missing in this log: a gap is damage that the log has passed over.
  auto reached = at;
  while (at < log_->log_end_offset()) {
    TIDELOG_TRY(const auto slice, log_->read(at, limit, storage::read_bound::log_end()));
    if (slice.data.length == 0) return tl::unexpected(damage(at, log_->log_end_offset()));
    buffer.resize(slice.data.length);
    TIDELOG_TRY(const auto got, slice.data.source->read_at(buffer, slice.data.position));
    base::byte_view rest = base::byte_view(buffer).first(got);
    while (!rest.empty()) {
      TIDELOG_TRY(const auto batch, model::parse_record_batch(rest));
      if (batch.base_offset() > reached) return tl::unexpected(damage(reached, batch.base_offset()));
      if (!model::verify_crc(batch)) return tl::unexpected(damage(batch.base_offset(), batch.next_offset()));
      reached = batch.next_offset();
      auto offset = batch.base_offset();
      TIDELOG_DO(for_each_record(batch, [&](const record& of) -> base::status {
        // A snapshot may end in the middle of what one batch holds.
        const bool is_known = offset < at;
        offset += 1;
        return is_known ? base::status{} : builder.apply(of);
      }));
      builder.reached(batch.last_offset(), batch.partition_leader_epoch());
      bytes_since_snapshot_ += batch.size_bytes();
      rest = rest.subspan(batch.size_bytes());
    }
    at = slice.next_offset;
  }
  if (reached < noted_recovery_point_) return tl::unexpected(damage(reached, noted_recovery_point_));
  has_open_transaction_ = builder.in_transaction();
  if (has_open_transaction_)
    base::say_warning("the metadata log ends within a transaction, which is given up");
  return {};
}

base::result<std::int32_t> cluster_metadata::last_voted_epoch() {
  const auto file = directory_ / "quorum-state";
  TIDELOG_TRY(const bool there, environment_.files.exists(file));
  if (!there) return 0;
  TIDELOG_TRY(const auto content, io::read_file(environment_.files, file, most_quorum_state_bytes));
  if (const auto epoch = json_number(base::as_text(content), "leaderEpoch")) return *epoch;
  base::say_warning("{} cannot be read and is written anew", file.string());
  return 0;
}

base::status cluster_metadata::begin_epoch() {
  auto& files = environment_.files;
  TIDELOG_TRY(const auto voted_epoch, last_voted_epoch());
  const auto log_epoch =
      std::max(pending_->last_epoch(), log_->latest_epoch().value_or(model::no_leader_epoch));
  epoch_ = model::leader_epoch(std::max(voted_epoch, std::max(log_epoch.value(), 0)) + 1);
  const auto state = quorum_state_text(settings_.node_id, epoch_);
  TIDELOG_DO(io::replace_file(files, directory_ / "quorum-state", base::as_bytes(state)));
  TIDELOG_DO(log_->begin_epoch(epoch_));

  std::unique_lock lock(change_mutex_);
  const auto now = environment_.clock.now_ms();
  TIDELOG_DO(append(
      {make_control_batch(model::control_record_type::leader_change, leader_change_value(settings_.node_id),
                          log_->log_end_offset(), epoch_, now)}));
  std::vector<record> records;
  // Else whatever is written from here on would belong to it, and be held back by the next start.
  if (std::exchange(has_open_transaction_, false)) records.emplace_back(abort_transaction_record{});
  // A first start may have been cut short behind the batch above.
  const bool is_new = pending_->feature_level("metadata.version") == 0;
  const auto features = is_new ? bootstrap_records() : missing_features(*pending_);
  records.insert(records.end(), features.begin(), features.end());
  register_broker_record registration;
  registration.broker_id = settings_.node_id.value();
  registration.incarnation_id = base::random_uuid();
  registration.broker_epoch = log_->log_end_offset().value() + static_cast<std::int64_t>(records.size());
  for (const auto& endpoint : settings_.endpoints) {
    registration.end_points.push_back(
        {endpoint.listener, endpoint.host, endpoint.port, endpoint.security_protocol});
  }
  registration.features = supported_features();
  registration.rack = settings_.rack;
  registration.fenced = false;
  registration.log_dirs = {settings_.directory_id};
  records.emplace_back(std::move(registration));
  TIDELOG_DO(write(records, lock));

  lock.lock();
  records.clear();
  for (const auto& topic : pending_->topics()) {
    for (const auto& state_of_partition : topic->partitions) {
      partition_change_record change;
      change.partition_id = state_of_partition.index.value();
      change.topic_id = topic->id;
      change.leader = settings_.node_id.value();
      records.emplace_back(std::move(change));
    }
  }
  if (!records.empty()) TIDELOG_DO(write(records, lock));
  return {};
}

image_ptr cluster_metadata::current() const {
  const std::lock_guard lock(current_mutex_);
  return current_;
}

base::result<image_ptr> cluster_metadata::change(const plan& make_records) {
  std::unique_lock lock(change_mutex_);
  if (closed_) return base::fail(storage::errc::closed, "the metadata log");
  TIDELOG_TRY(const auto records, make_records(*pending_));
  if (records.empty()) return pending_;
  auto changed = write(records, lock);
  if (!lock.owns_lock()) lock.lock();
  take_snapshot_when_due();
  return changed;
}

base::result<image_ptr> cluster_metadata::write(const std::vector<record>& records,
                                                std::unique_lock<std::mutex>& lock) {
  image_builder builder(*pending_);
  for (const auto& of : records) TIDELOG_DO(builder.apply(of));
  const auto now = environment_.clock.now_ms();
  auto batches = make_batches(records, log_->log_end_offset(), epoch_, now);
  const bool is_in_transaction = std::holds_alternative<begin_transaction_record>(records.front());
  if (batches.size() > 1 && !is_in_transaction) {
    // All or nothing also where one batch cannot hold it.
    std::vector<record> wrapped{begin_transaction_record{}};
    wrapped.insert(wrapped.end(), records.begin(), records.end());
    wrapped.emplace_back(end_transaction_record{});
    batches = make_batches(wrapped, log_->log_end_offset(), epoch_, now);
  }
  TIDELOG_DO(append(batches));
  const auto end = log_->log_end_offset();
  builder.reached(end - 1, epoch_);
  pending_ = builder.build();
  const auto next = pending_;
  last_append_ms_ = now;
  const auto log = log_;
  lock.unlock();

  std::promise<base::status> committed;
  auto outcome = committed.get_future();
  log->when_committed(end, [&committed](base::status state) { committed.set_value(std::move(state)); });
  TIDELOG_DO(outcome.get());
  publish(next);
  return next;
}

base::status cluster_metadata::append(const std::vector<std::vector<std::byte>>& batches) {
  const auto end_before = log_->log_end_offset();
  storage::append_options options;
  options.leader_epoch = epoch_;
  options.origin = storage::append_origin::internal;
  for (auto batch : batches) {
    auto stored = log_->append(batch, options);
    if (!stored) {
      // Half of a change must not stay: what came later would end up within its open transaction.
      if (log_->log_end_offset() > end_before) TIDELOG_DO(log_->truncate_to(end_before));
      return base::forward_error(stored);
    }
    bytes_since_snapshot_ += batch.size();
  }
  return {};
}

void cluster_metadata::publish(const image_ptr& next) {
  const std::lock_guard lock(current_mutex_);
  if (!current_ || current_->last_offset() < next->last_offset()) current_ = next;
}

bool cluster_metadata::is_out_of_room() const {
  const std::lock_guard lock(change_mutex_);
  return !closed_ && log_->is_out_of_room();
}

base::result<image_ptr> cluster_metadata::reopen() {
  std::unique_lock lock(change_mutex_);
  if (closed_ || !log_->is_out_of_room()) return current();
  storage::log_open_options options;
  options.start = storage::start_kind::unclean;
  options.recovery_point = log_->recovery_point();
  // A log that is offline has nothing to write.
  static_cast<void>(log_->close(storage::close_kind::discard));
  TIDELOG_TRY(std::shared_ptr<storage::log> opened,
              storage::log::open(environment_, directory_, metadata_log_config(), options));
  image_builder builder(*current());
  std::swap(log_, opened);
  auto ready = replay(builder);
  if (ready) ready = log_->begin_epoch(epoch_);
  if (!ready) {
    std::swap(log_, opened);
    return base::forward_error(ready);
  }
  pending_ = builder.build();
  if (std::exchange(has_open_transaction_, false)) return write({abort_transaction_record{}}, lock);
  publish(pending_);
  return pending_;
}

void cluster_metadata::take_snapshot_when_due() {
  if (bytes_since_snapshot_ < settings_.snapshot_interval_bytes) return;
  const auto of = current();
  // A snapshot that fails costs a longer replay and nothing else; the next change tries again.
  const auto outcome = [&]() -> base::status {
    TIDELOG_DO(write_snapshot(environment_.files, directory_, *of, environment_.clock.now_ms()));
    TIDELOG_DO(remove_old_snapshots(environment_.files, directory_, snapshots_kept));
    TIDELOG_DO(log_->roll());
    TIDELOG_DO(log_->advance_log_start(of->last_offset() + 1));
    return {};
  }();
  if (!outcome) base::say_warning("metadata snapshot: {}", outcome.error().describe());
  bytes_since_snapshot_ = 0;
}

base::result<cluster_metadata::producer_id_block> cluster_metadata::allocate_producer_ids() {
  producer_id_block block{model::producer_id(0), producer_ids_in_a_block};
  TIDELOG_DO(change([&](const image& before) -> base::result<std::vector<record>> {
    block.first = before.next_producer_id();
    producer_ids_record ids;
    ids.broker_id = settings_.node_id.value();
    if (const auto self = before.brokers().find(ids.broker_id); self != before.brokers().end()) {
      ids.broker_epoch = self->second.epoch;
    }
    ids.next_producer_id = block.first.value() + producer_ids_in_a_block;
    return std::vector<record>{ids};
  }));
  return block;
}

cluster_metadata::quorum_state cluster_metadata::quorum() const {
  const std::lock_guard lock(change_mutex_);
  return {epoch_, log_->high_watermark(), log_->log_end_offset(), settings_.directory_id, last_append_ms_};
}

base::status cluster_metadata::close() {
  std::unique_lock lock(change_mutex_);
  if (std::exchange(closed_, true)) return {};
  // Fenced by its own word, so that whoever opens the directory next need not wait for this session to expire.
  broker_registration_change_record leaving;
  leaving.broker_id = settings_.node_id.value();
  leaving.fenced = 1;
  if (const auto self = pending_->brokers().find(leaving.broker_id); self != pending_->brokers().end()) {
    leaving.broker_epoch = self->second.epoch;
  }
  auto written = write({leaving}, lock);
  if (lock.owns_lock()) lock.unlock();
  auto closed = log_->close(storage::close_kind::clean);
  if (auto noted = note_recovery_point(); !noted) {
    base::say_warning("the end of the metadata log is not noted: {}", noted.error().describe());
  }
  if (!written) return base::forward_error(written);
  return closed;
}

}  // namespace tidelog::metadata
