#include "tidelog/coordinator/group_coordinator.hpp"

#include "group_lag.hpp"
#include "group_metrics.hpp"
#include "group_partition.hpp"
#include "group_timer.hpp"
#include "partition_table.hpp"
#include "periodic_round.hpp"
#include "serial_tasks.hpp"
#include "subscription_pattern.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

constexpr std::uint32_t first_supplementary = 0x10000;
constexpr std::uint32_t replacement = 0xfffd;
/// Patterns are resolved again when topics change, but no more often than this: it costs patterns times topics, and each
/// time what they match is written.
constexpr steady_ms pattern_interval_ms = 1'000;

/// Java's String.hashCode, fed with UTF-16 code units.
class java_hash {
 public:
  void add(std::uint32_t code_point) {
    if (code_point < first_supplementary) return add_unit(code_point);
    constexpr std::uint32_t high_surrogate = 0xd800;
    constexpr std::uint32_t low_surrogate = 0xdc00;
    constexpr std::uint32_t bits_of_a_half = 10;
    constexpr std::uint32_t low_half = 0x3ff;
    add_unit(high_surrogate + ((code_point - first_supplementary) >> bits_of_a_half));
    add_unit(low_surrogate + (code_point & low_half));
  }
  [[nodiscard]] std::int32_t value() const { return static_cast<std::int32_t>(hash_); }

 private:
  void add_unit(std::uint32_t unit) {
    constexpr std::uint32_t factor = 31;
    hash_ = hash_ * factor + unit;
  }
  std::uint32_t hash_ = 0;
};

/// Reads a code point at the front of `text` and takes it off; a byte that begins none counts as U+FFFD.
std::uint32_t take_code_point(std::string_view& text) {
  const auto byte_at = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const auto first = byte_at(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  constexpr std::uint32_t bits_of_a_continuation = 6;
  constexpr std::uint32_t continuation_bits = 0x3f;
  auto code_point = length <= 1 ? first : first & (0x7fU >> length);
  bool is_sound = length != 0 && length <= text.size();
  for (std::size_t i = 1; is_sound && i < length; ++i) {
    is_sound = (byte_at(i) & ~continuation_bits) == 0x80;
    code_point = code_point << bits_of_a_continuation | (byte_at(i) & continuation_bits);
  }
  text.remove_prefix(is_sound ? length : 1);
  return is_sound ? code_point : replacement;
}

template <class Answer>
void refuse(reply<Answer>& to, std::error_code error) {
  Answer answer;
  answer.error = error;
  to(std::move(answer));
}

const std::string& group_of(const std::string& group_id) {
  return group_id;
}

template <class Request>
const std::string& group_of(const Request& request) {
  return request.group_id;
}

}  // namespace

std::int32_t partition_of_group(const std::string& group_id, std::int32_t partition_count) {
  java_hash hash;
  for (std::string_view rest(group_id); !rest.empty();) hash.add(take_code_point(rest));
  const auto value = hash.value();
  // The least number has no absolute value; Kafka takes 0 for it.
  return (value == std::numeric_limits<std::int32_t>::min() ? 0 : std::abs(value)) % partition_count;
}

struct group_coordinator::parts {
  parts(const group_coordinator_environment& environment_in, const metadata::broker_config& config_in)
      : environment(environment_in),
        config(config_in),
        pattern_tasks(environment.workers),
        timer("groups", environment.clock, [this](steady_ms now_ms) { return do_due(now_ms); }),
        metrics(environment.metrics, environment.clock, [this] { return take_census(); }) {}

  template <class Request, class Answer>
  void handle(void (group_shard::*event)(group_step&, Request, reply<Answer>), Request request,
              reply<Answer> to);
  void resolve_and_handle(consumer_heartbeat_request request, reply<consumer_heartbeat_answer> to);
  void look_at_patterns();
  [[nodiscard]] steady_ms resolve_patterns_if_due(steady_ms now_ms);
  void resolve_patterns();
  void publish_surroundings();
  [[nodiscard]] std::vector<group_shard::deleted_topic> follow_topics(const metadata::image_ptr& next);
  [[nodiscard]] std::shared_ptr<group_partition> make_partition(const partition::partition_ptr& log);
  steady_ms do_due(steady_ms now_ms);
  [[nodiscard]] group_census take_census() const;
  void stop();

  const group_coordinator_environment environment;
  const std::shared_ptr<surroundings_board> board = std::make_shared<surroundings_board>();

  /// One change of metadata or configuration at a time; guards what follows.
  std::mutex change_mutex;
  metadata::broker_config config;
  metadata::image_ptr image = std::make_shared<metadata::image>();
  std::int64_t topics_version = 0;
  std::atomic<bool> is_stopped{false};

  partition_table<group_partition> partitions{[this](const auto& log) { return make_partition(log); }};

  std::atomic<std::int64_t> retention_check_interval_ms{0};
  /// Only the timer's.
  periodic_round expiry_round;

  /// Topics have changed since patterns were last looked at, or some that were read were never.
  std::atomic<bool> patterns_are_outdated{false};
  std::atomic<bool> is_resolving{false};
  /// Only the timer's.
  steady_ms next_patterns_ms = std::numeric_limits<steady_ms>::min();
  serial_tasks pattern_tasks;

  group_timer timer;
  group_metrics metrics;
};

template <class Request, class Answer>
void group_coordinator::parts::handle(void (group_shard::*event)(group_step&, Request, reply<Answer>),
                                      Request request, reply<Answer> to) {
  const auto partition = partitions.partition_of(group_of(request));
  if (!partition) return refuse(to, errc::not_available);
  partition->handle(event, std::move(request), std::move(to));
}

/// Matching a pattern may take seconds where a client wants it to, so it is done neither on a reactor nor under a
/// partition's lock, and for one pattern at a time.
void group_coordinator::parts::resolve_and_handle(consumer_heartbeat_request request,
                                                  reply<consumer_heartbeat_answer> to) {
  pattern_tasks.submit([this, request = std::move(request), to = std::move(to)]() mutable {
    if (is_stopped) return refuse(to, errc::not_available);
    const auto seen = board->current();
    request.resolution = resolve_pattern(*request.subscribed_topic_pattern, seen->topics());
    handle(&group_shard::consumer_heartbeat, std::move(request), std::move(to));
    if (board->current()->topics().version() != seen->topics().version()) look_at_patterns();
  });
}

void group_coordinator::parts::look_at_patterns() {
  patterns_are_outdated = true;
  timer.wake_at(steady_now_ms(environment.clock));
}

steady_ms group_coordinator::parts::resolve_patterns_if_due(steady_ms now_ms) {
  if (!patterns_are_outdated || is_resolving) return no_deadline;
  if (now_ms < next_patterns_ms) return next_patterns_ms;
  next_patterns_ms = now_ms + pattern_interval_ms;
  is_resolving = true;
  pattern_tasks.submit([this] { resolve_patterns(); });
  return no_deadline;
}

void group_coordinator::parts::resolve_patterns() {
  patterns_are_outdated = false;
  const auto all = partitions.current();
  for (const auto& partition : *all) {
    if (!is_stopped && !partition->resolve_patterns()) patterns_are_outdated = true;
  }
  is_resolving = false;
  if (patterns_are_outdated) look_at_patterns();
}

void group_coordinator::parts::publish_surroundings() {
  retention_check_interval_ms = config.groups.offsets_retention_check_interval_ms;
  board->publish(std::make_shared<const group_surroundings>(config, image, topics_version,
                                                            environment.partitions.layers(*image, "")));
}

std::vector<group_shard::deleted_topic> group_coordinator::parts::follow_topics(
    const metadata::image_ptr& next) {
  std::vector<group_shard::deleted_topic> deleted;
  bool has_changed = false;
  metadata::image::for_each_topic_change(
      *image, *next, [&](const metadata::topic_ptr& before, const metadata::topic_ptr& after) {
        has_changed = true;
        if (before && !after) deleted.push_back({before->name, before->id});
      });
  if (has_changed) ++topics_version;
  image = next;
  return deleted;
}

std::shared_ptr<group_partition> group_coordinator::parts::make_partition(
    const partition::partition_ptr& log) {
  return std::make_shared<group_partition>(
      log, group_partition_environment{
               board,
               {environment.workers, environment.clock, [this](steady_ms at) { timer.wake_at(at); }},
               [this] { look_at_patterns(); }});
}

steady_ms group_coordinator::parts::do_due(steady_ms now_ms) {
  const auto all = partitions.current();
  auto next = no_deadline;
  for (const auto& partition : *all) {
    if (partition->next_deadline_ms() <= now_ms) partition->advance();
    next = std::min(next, partition->next_deadline_ms());
  }
  const auto expire = [&] {
    for (const auto& each : *all) environment.workers.submit([each] { each->expire_offsets(); });
  };
  return std::min({next, expiry_round.do_if_due(now_ms, retention_check_interval_ms, expire),
                   resolve_patterns_if_due(now_ms)});
}

group_census group_coordinator::parts::take_census() const {
  group_census census;
  const auto [all, past] = partitions.all_and_past();
  census.activity = past;
  for (const auto& partition : all) {
    census.counts += partition->counts();
    census.activity += partition->work_done();
    census.partitions_loading += partition->is_loading() ? 1 : 0;
    census.load_time_ms = std::max(census.load_time_ms, partition->load_time_ms());
  }
  // Only copied under the partitions' locks; compared outside of them.
  std::vector<group_progress> progress;
  progress_room room{lag_offsets_per_scrape, lag_series_per_scrape};
  for (const auto& partition : all) partition->list_progress(progress, room);
  census.lag = lag_of(std::move(progress), environment.partitions);
  census.groups_without_lag = room.groups_left_out;
  return census;
}

void group_coordinator::parts::stop() {
  timer.stop();
  {
    const std::lock_guard lock(change_mutex);
    is_stopped = true;
    // There is no other coordinator to look for.
    partitions.give_up_all(errc::not_available);
  }
  pattern_tasks.wait();
}

group_coordinator::group_coordinator(const group_coordinator_environment& environment,
                                     const metadata::broker_config& config)
    : parts_(std::make_unique<parts>(environment, config)) {
  update_config(config);
}

group_coordinator::~group_coordinator() {
  stop();
}

void group_coordinator::apply(const metadata::image_ptr& image) {
  const std::lock_guard lock(parts_->change_mutex);
  if (parts_->is_stopped || image->last_offset() < parts_->image->last_offset()) return;
  const auto version = parts_->topics_version;
  const auto deleted = parts_->follow_topics(image);
  parts_->publish_surroundings();
  if (parts_->topics_version != version) parts_->look_at_patterns();
  parts_->partitions.follow(parts_->environment.partitions.find(offsets_topic).get());
  if (deleted.empty()) return;
  const auto all = parts_->partitions.current();
  for (const auto& partition : *all) partition->forget_topics(deleted);
}

void group_coordinator::log_was_opened(const partition::partition_ptr& of) {
  const std::lock_guard lock(parts_->change_mutex);
  if (!parts_->is_stopped) parts_->partitions.log_was_opened(of);
}

void group_coordinator::update_config(const metadata::broker_config& config) {
  const std::lock_guard lock(parts_->change_mutex);
  parts_->config = config;
  parts_->publish_surroundings();
  parts_->timer.wake_at(steady_now_ms(parts_->environment.clock));
}

void group_coordinator::stop() {
  parts_->stop();
}

void group_coordinator::join(join_request request, reply<join_answer> to) {
  parts_->handle(&group_shard::join, std::move(request), std::move(to));
}
void group_coordinator::sync(sync_request request, reply<sync_answer> to) {
  parts_->handle(&group_shard::sync, std::move(request), std::move(to));
}
void group_coordinator::heartbeat(heartbeat_request request, reply<heartbeat_answer> to) {
  parts_->handle(&group_shard::heartbeat, std::move(request), std::move(to));
}
void group_coordinator::leave(leave_request request, reply<leave_answer> to) {
  parts_->handle(&group_shard::leave, std::move(request), std::move(to));
}
void group_coordinator::consumer_heartbeat(consumer_heartbeat_request request,
                                           reply<consumer_heartbeat_answer> to) {
  if (!request.subscribed_topic_pattern.value_or("").empty()) {
    return parts_->resolve_and_handle(std::move(request), std::move(to));
  }
  parts_->handle(&group_shard::consumer_heartbeat, std::move(request), std::move(to));
}
void group_coordinator::commit_offsets(commit_request request, reply<commit_answer> to) {
  parts_->handle(&group_shard::commit_offsets, std::move(request), std::move(to));
}
void group_coordinator::commit_offsets_in_transaction(transactional_commit_request request,
                                                      reply<commit_answer> to) {
  parts_->handle(&group_shard::commit_offsets_in_transaction, std::move(request), std::move(to));
}
void group_coordinator::end_transaction(std::int32_t partition, const model::transaction_end& end,
                                        reply<transaction_end_answer> to) {
  const auto all = parts_->partitions.current();
  if (all->empty()) return refuse(to, errc::not_available);
  const auto index = static_cast<std::size_t>(partition);
  if (index >= all->size()) return refuse(to, errc::not_coordinator);
  (*all)[index]->handle(&group_shard::end_transaction, end, std::move(to));
}
void group_coordinator::fetch_offsets(fetch_offsets_request request, reply<fetch_offsets_answer> to) {
  parts_->handle(&group_shard::fetch_offsets, std::move(request), std::move(to));
}
void group_coordinator::delete_offsets(delete_offsets_request request, reply<delete_offsets_answer> to) {
  parts_->handle(&group_shard::delete_offsets, std::move(request), std::move(to));
}
void group_coordinator::delete_group(std::string group_id, reply<delete_group_answer> to) {
  parts_->handle(&group_shard::delete_group, std::move(group_id), std::move(to));
}
void group_coordinator::describe_classic(std::string group_id, reply<classic_description> to) {
  parts_->handle(&group_shard::describe_classic, std::move(group_id), std::move(to));
}
void group_coordinator::describe_consumer(std::string group_id, reply<consumer_description> to) {
  parts_->handle(&group_shard::describe_consumer, std::move(group_id), std::move(to));
}

void group_coordinator::list_groups(reply<list_groups_answer> to) {
  list_groups_answer answer;
  const auto all = parts_->partitions.current();
  for (const auto& partition : *all) {
    // Of a partition that cannot be used there is nothing to list, now or later.
    const auto error = partition->list(answer.groups);
    if (error == errc::load_in_progress) answer.error = error;
  }
  if (parts_->is_stopped) answer.error = errc::not_available;
  to(std::move(answer));
}

}  // namespace tidelog::coordinator
