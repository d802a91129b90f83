#include "tidelog/storage/log_scrubber.hpp"

#include "checkpoint_file_lines.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace tidelog::storage {
namespace {

constexpr std::int64_t ms_in_hour = 60 * 60 * 1000;
constexpr std::int64_t longest_wait_ms = ms_in_hour;
/// How often logs that were still being recovered are looked for again.
constexpr std::int64_t late_wait_ms = 1000;
/// What a crash makes a round read once more.
constexpr std::int64_t progress_interval_ms = 60 * 1000;
constexpr std::uint64_t most_progress_bytes = 4096;

/// Both are only wishes: without them the rate has to do.
void become_unimportant() {
  constexpr int lowest_niceness = 19;
  constexpr int of_this_thread = 0;
  constexpr int who_is_a_process = 1;
  constexpr int idle_class = 3 << 13;
  static_cast<void>(::setpriority(PRIO_PROCESS, of_this_thread, lowest_niceness));
  static_cast<void>(::syscall(SYS_ioprio_set, who_is_a_process, of_this_thread, idle_class));
}

}  // namespace

log_scrubber::log_scrubber(log_directory& directory, io::file_system& files, const base::clock& clock,
                           const log_scrubber_settings& settings)
    : directory_(directory), files_(files), clock_(clock), rate_(clock), settings_(settings) {
  rate_.set_rate(settings.io_max_bytes_per_second);
  read_progress();
}

log_scrubber::~log_scrubber() {
  stop();
}

void log_scrubber::start() {
  thread_ = std::thread([this] { run(); });
}

void log_scrubber::stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (is_progress_new_) write_progress();
}

void log_scrubber::update(const log_scrubber_settings& settings) {
  {
    const std::lock_guard guard(mutex_);
    settings_ = settings;
    rate_.set_rate(settings.io_max_bytes_per_second);
  }
  wake_.notify_all();
}

void log_scrubber::run() {
  pthread_setname_np(pthread_self(), "scrub");
  become_unimportant();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto before = settings_;
    lock.unlock();
    const bool has_worked = scrub_next();
    lock.lock();
    if (has_worked || stopping_) continue;
    wake_.wait_for(lock, pause(), [&] { return stopping_ || settings_ != before; });
  }
}

/// With the mutex held.
std::int64_t log_scrubber::ms_to_next_round() const {
  if (settings_.interval_hours < 0) return longest_wait_ms;
  return progress_.round_began_ms + settings_.interval_hours * ms_in_hour - clock_.now_ms();
}

std::chrono::milliseconds log_scrubber::pause() const {
  const std::int64_t longest_ms = late_.empty() ? longest_wait_ms : late_wait_ms;
  return std::chrono::milliseconds(std::clamp<std::int64_t>(ms_to_next_round(), 1, longest_ms));
}

bool log_scrubber::is_in_round() {
  {
    const std::lock_guard guard(mutex_);
    if (settings_.interval_hours < 0) return false;
    const bool is_due = ms_to_next_round() <= 0;
    // Whose log has not opened for so long is not going to.
    if (is_due && waiting_.empty()) late_.clear();
    if (progress_.is_round_over && !is_due) return false;
  }
  if (progress_.is_round_over) progress_ = {clock_.now_ms(), {}, model::offset(0), false};
  if (std::exchange(is_listed_, true)) return true;
  const auto all = directory_.partitions();
  waiting_.assign(all.lower_bound(progress_.partition), all.end());
  std::ranges::reverse(waiting_);
  return true;
}

/// False when none of them has come.
bool log_scrubber::take_late_ones() {
  const auto known = directory_.partitions();
  std::erase_if(late_, [&](const auto& each) { return !known.contains(each); });
  for (const auto& each : late_) {
    if (directory_.find(each)) waiting_.push_back(each);
  }
  std::erase_if(late_, [&](const auto& each) { return std::ranges::count(waiting_, each) > 0; });
  return !waiting_.empty();
}

bool log_scrubber::scrub_next() {
  if (!is_in_round()) return false;
  if (waiting_.empty() && !take_late_ones()) {
    if (late_.empty()) end_round();
    return false;
  }
  is_progress_new_ = true;
  const model::topic_partition partition = waiting_.back();
  if (partition != progress_.partition) {
    progress_.partition = partition;
    progress_.next_base = model::offset(0);
  }
  const auto log = directory_.find(partition);
  if (!log) late_.push_back(partition);
  const auto read =
      log ? log->scrub_segment(progress_.next_base, [this](std::uint64_t bytes) { return pace(bytes); })
          : std::nullopt;
  if (read) {
    take(*read, partition);
  } else {
    waiting_.pop_back();
  }
  if (clock_.now_ms() - progress_written_ms_ >= progress_interval_ms) write_progress();
  return true;
}

void log_scrubber::end_round() {
  progress_.is_round_over = true;
  is_listed_ = false;
  rounds_.fetch_add(1);
  base::say_info("every segment has been read through: {} ranges are known to be damaged",
                 directory_.recovery().damaged_ranges);
  write_progress();
}

void log_scrubber::take(const scrubbed_segment& read, const model::topic_partition& of) {
  bytes_.fetch_add(read.bytes);
  if (!read.outcome) {
    unreadable_.fetch_add(1);
    if (told_unreadable_.emplace(of, read.base_offset).second) {
      base::say_error("{}: the segment at offset {} cannot be read through: {}", of.text(),
                      read.base_offset.value(), read.outcome.error().describe());
    }
  } else if (read.reach == scrubbed_segment::extent::whole) {
    segments_.fetch_add(1);
  }
  if (read.unlisted_rollbacks > 0 && told_incomplete_.emplace(of, read.base_offset).second) {
    incomplete_indexes_.fetch_add(1);
    base::say_error(
        "{}: the .txnindex of the segment at offset {} lacks {} transactions that were rolled back, so their "
        "records are read as committed: stop the daemon and let tidelog log repair --execute make it anew",
        of.text(), read.base_offset.value(), read.unlisted_rollbacks);
  }
  if (const auto& gap = read.missing_behind; gap && told_gaps_.emplace(of, gap->first).second) {
    gaps_.fetch_add(1);
    base::say_error(
        "{}: the records from offset {} to offset {} are in no segment: one behind that at offset {} is "
        "missing, or the end of that one",
        of.text(), gap->first.value(), gap->next.value() - 1, read.base_offset.value());
  }
  const std::lock_guard guard(mutex_);
  // What a stop has cut short is read again after the next start.
  if (!stopping_) progress_.next_base = read.base_offset + 1;
}

bool log_scrubber::pace(std::uint64_t bytes) {
  const auto pause = rate_.charge(bytes);
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, pause, [this] { return stopping_; });
}

/// One line: when the round began and, while it goes on, topic, partition and base offset of what comes next.
void log_scrubber::read_progress() {
  const io::path name = directory_.path() / progress_name;
  const auto content = io::read_file(files_, name, most_progress_bytes);
  if (!content) return;
  const auto lines = parse_checkpoint_lines(base::as_text(*content), name);
  if (!lines || lines->size() != 1) return;
  const auto words = split_words(lines->front());
  const auto began_ms = words.empty() ? std::nullopt : parse_natural<std::int64_t>(words[0]);
  // A clock that was wrong once is not to put the next round off for ever.
  if (!began_ms || *began_ms > clock_.now_ms()) return;
  progress_.round_began_ms = *began_ms;
  if (words.size() != 4) return;
  const auto partition = parse_natural<std::int32_t>(words[2]);
  const auto base = parse_natural<std::int64_t>(words[3]);
  if (!partition || !base) return;
  progress_ = {
      *began_ms, {std::string(words[1]), model::partition_index(*partition)}, model::offset(*base), false};
}

void log_scrubber::write_progress() {
  progress_written_ms_ = clock_.now_ms();
  is_progress_new_ = false;
  std::string text = begin_checkpoint(1) + std::to_string(progress_.round_began_ms);
  if (!progress_.is_round_over) {
    text += fmt::format(" {} {} {}", progress_.partition.topic, progress_.partition.partition.value(),
                        progress_.next_base.value());
  }
  text += '\n';
  const auto written = io::replace_file(files_, directory_.path() / progress_name, base::as_bytes(text));
  if (!written) base::say_debug("a round of reading may begin again: {}", written.error().describe());
}

log_scrubber::figures log_scrubber::current() const {
  return {segments_.load(),           bytes_.load(), unreadable_.load(), gaps_.load(),
          incomplete_indexes_.load(), rounds_.load()};
}

}  // namespace tidelog::storage
