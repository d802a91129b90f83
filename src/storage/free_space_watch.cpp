#include "tidelog/storage/free_space_watch.hpp"

#include "ballast.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace tidelog::storage {
namespace {

constexpr std::uint64_t default_reserve_share = 100;
/// The mode ends when this part of the reserve is free besides it, so that it does not begin again at once.
constexpr std::uint64_t hysteresis_share = 4;
constexpr std::uint64_t allowance_share = 8;
constexpr std::uint64_t least_allowance_bytes = 1024 * 1024;
constexpr std::uint64_t most_trial_bytes = 1024 * 1024;
constexpr const char* trial_name = ".trial.tmp";

[[nodiscard]] std::string mebibytes(std::uint64_t bytes) {
  constexpr double bytes_in_mib = 1024.0 * 1024.0;
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / bytes_in_mib);
}

[[nodiscard]] std::int64_t as_signed(std::uint64_t bytes) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, std::numeric_limits<std::int64_t>::max()));
}

}  // namespace

std::uint64_t free_space_watch::default_reserve_bytes(std::uint64_t capacity_bytes) {
  return std::min(capacity_bytes / default_reserve_share, most_default_reserve_bytes);
}

free_space_watch::free_space_watch(io::file_system& files, const base::clock& clock, io::path directory)
    : files_(files),
      clock_(clock),
      directory_(std::move(directory)),
      ballast_(std::make_unique<ballast>(files, directory_)) {}

free_space_watch::~free_space_watch() = default;

void free_space_watch::set_reserve_bytes(std::uint64_t bytes) {
  reserve_bytes_.store(bytes);
}

void free_space_watch::begin_start() {
  look();
  const auto space = files_.space(directory_);
  if (!space || space->available_bytes >= ballast::wanted_bytes(space->capacity_bytes)) return;
  if (!drop_ballast()) return;
  base::say_warning("{}: hardly any room is left; {} is removed for what a start has to write",
                    directory_.native(), ballast::file_name);
}

void free_space_watch::end_start() {
  ballast_is_due_.store(true);
}

void free_space_watch::look() {
  {
    const std::lock_guard guard(mutex_);
    look_locked();
  }
  tend_ballast();
}

void free_space_watch::look_locked() {
  const auto space = files_.space(directory_);
  if (!space) {
    if (std::exchange(is_space_known_, false)) {
      base::say_warning("how much room is left is not known: {}", space.error().describe());
    }
    // Then only a refused write tells.
    allowance_bytes_.store(std::numeric_limits<std::int64_t>::max());
    return;
  }
  is_space_known_ = true;
  const std::uint64_t reserve = reserve_bytes_.load();
  const std::uint64_t available = space->available_bytes;
  available_bytes_.store(available);
  // Others write to the file system as well, so that little is taken for granted at a time.
  const std::uint64_t room = available > reserve ? available - reserve : 0;
  allowance_bytes_.store(
      as_signed(std::min(room, std::max(reserve / allowance_share, least_allowance_bytes))));
  if (full_.load()) return leave_if_possible_locked();
  if (available < reserve) {
    enter_locked(
        fmt::format("{} are free, and {} are kept in reserve", mebibytes(available), mebibytes(reserve)));
  }
}

std::uint64_t free_space_watch::enough_bytes() const {
  const std::uint64_t reserve = reserve_bytes_.load();
  const std::uint64_t for_reserve = reserve + reserve / hysteresis_share;
  return failed_write_bytes_ ? std::max(for_reserve, *failed_write_bytes_ + most_trial_bytes) : for_reserve;
}

void free_space_watch::enter_locked(const std::string& why) {
  if (full_.exchange(true)) return;
  times_full_.fetch_add(1);
  full_since_ms_ = clock_.now_ms();
  refused_before_ = batches_refused_.load();
  base::say_error(
      "the disk of {} is full: {} (log.free.space.min.bytes). New records and topics are refused, clients "
      "try again; "
      "the rest goes on. Delete topics or records, shorten retention, or make room on the file system: "
      "writing goes "
      "on by itself when {} are free",
      directory_.native(), why, mebibytes(enough_bytes()));
}

void free_space_watch::leave_if_possible_locked() {
  if (available_bytes_.load() < enough_bytes()) return;
  if (failed_write_bytes_ && !trial_write_succeeds()) return;
  failed_write_bytes_.reset();
  full_.store(false);
  ballast_is_due_.store(true);
  constexpr double ms_in_second = 1000;
  base::say_info(
      "the disk of {} has room again: {} are free. Writing goes on after {:.1f} s; {} batches were refused",
      directory_.native(), mebibytes(available_bytes_.load()),
      static_cast<double>(clock_.now_ms() - full_since_ms_) / ms_in_second,
      batches_refused_.load() - refused_before_);
}

bool free_space_watch::trial_write_succeeds() {
  const io::path name = directory_ / trial_name;
  const auto tried = [&]() -> base::status {
    TIDELOG_TRY(const auto file, files_.open(name, io::open_mode::create));
    const std::vector<std::byte> bytes(
        static_cast<std::size_t>(std::min(failed_write_bytes_.value_or(0), most_trial_bytes)));
    TIDELOG_DO(file->write_at(bytes, 0));
    // Room is not always looked for before the bytes go to the disk.
    return file->sync_data();
  }();
  const auto removed = files_.remove_file(name);
  return tried && removed;
}

base::status free_space_watch::admit(std::uint64_t bytes) {
  if (!full_.load(std::memory_order_acquire)) {
    if (allowance_bytes_.fetch_sub(as_signed(bytes)) >= as_signed(bytes)) return {};
    // Who comes while another asks goes by what was known before.
    if (const std::unique_lock look(mutex_, std::try_to_lock); look.owns_lock()) look_locked();
    if (!full_.load(std::memory_order_acquire)) return {};
  }
  if (bytes > 0) batches_refused_.fetch_add(1);
  return base::fail_errno(ENOSPC, "the disk of {} is full: {} are free, {} are kept in reserve",
                          directory_.native(), mebibytes(available_bytes_.load()),
                          mebibytes(reserve_bytes_.load()));
}

void free_space_watch::note_failed_write(const base::error& why, std::uint64_t bytes) {
  if (!io::is_out_of_space(why.code)) return;
  const std::lock_guard guard(mutex_);
  if (const auto space = files_.space(directory_)) available_bytes_.store(space->available_bytes);
  failed_write_bytes_ = std::max(bytes, failed_write_bytes_.value_or(0));
  enter_locked(why.describe());
}

void free_space_watch::note_lack_of_room(const base::error& why) {
  note_failed_write(why, most_trial_bytes);
}

bool free_space_watch::drop_ballast() {
  const std::lock_guard guard(ballast_mutex_);
  return ballast_->drop();
}

/// In the mode as well, once after a start: what that one has left over is for the next.
void free_space_watch::tend_ballast() {
  if (!ballast_is_due_.exchange(false)) return;
  const auto space = files_.space(directory_);
  if (!space) return;
  const std::uint64_t available = space->available_bytes;
  const std::uint64_t reserve = reserve_bytes_.load();
  const std::uint64_t room = is_full() || available < reserve ? available / 2 : available - reserve;
  const std::lock_guard guard(ballast_mutex_);
  ballast_->lay(ballast::wanted_bytes(space->capacity_bytes), room);
}

free_space_watch::figures free_space_watch::current() const {
  return {is_full(), available_bytes_.load(), reserve_bytes_.load(), times_full_.load(),
          batches_refused_.load()};
}

}  // namespace tidelog::storage
