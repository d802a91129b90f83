#include "tidelog/storage/open_file_cache.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tidelog::storage {

cached_file::cached_file(open_file_cache& cache, io::file_system& files, const io::path& name)
    : cache_(cache), files_(files), name_(name) {}

cached_file::~cached_file() {
  cache_.forgotten(*this);
  if (hold_) cache_.holds_.fetch_sub(1, std::memory_order_relaxed);
}

base::result<std::shared_ptr<io::file>> cached_file::get(io::patience reader) {
  if (reader == io::patience::never_waits) {
    const std::lock_guard guard(mutex_);
    if (!open_) return base::fail_errno(EAGAIN, "{} is not open", name_.native());
    used_lately_ = true;
    return open_;
  }
  return get_in_mode(io::open_mode::read_write);
}

base::result<std::shared_ptr<io::file>> cached_file::get_or_create() {
  return get_in_mode(io::open_mode::create);
}

base::result<std::shared_ptr<io::file>> cached_file::get_in_mode(io::open_mode mode) {
  std::string to_open;
  {
    const std::lock_guard guard(mutex_);
    used_lately_ = true;
    if (open_) return open_;
    if (removed_) return fail_removed();
    to_open = name_.native();
  }
  auto opened = files_.open(to_open, mode);
  std::shared_ptr<io::file> in_use;
  {
    const std::lock_guard guard(mutex_);
    // Two threads may have opened it at once; all are to use one descriptor, since a failed write-back is told to
    // each descriptor by itself.
    if (open_) return open_;
    if (removed_) return fail_removed();
    // A rename may have come between; then the new name is the one to open, even if the old one could be opened: it
    // may be another file's by now.
    if (name_.native() == to_open) {
      if (!opened) return base::forward_error(opened);
      open_ = in_use = std::move(*opened);
    }
  }
  if (!in_use) return get_in_mode(mode);
  cache_.opened(*this);
  return in_use;
}

tl::unexpected<base::error> cached_file::fail_removed() const {
  return base::fail_errno(ENOENT, "{}: removed", name_.native());
}

void cached_file::pin(const std::shared_ptr<io::file>& file) {
  bool reopened = false;
  {
    const std::lock_guard guard(mutex_);
    ++pins_;
    // It may have been closed since the caller got it; the descriptor that was written through is the one to keep.
    reopened = open_ != file;
    open_ = file;
  }
  if (reopened) cache_.opened(*this);
}

void cached_file::unpin() {
  std::unique_ptr<io::file_hold> ended;
  {
    const std::lock_guard guard(mutex_);
    TIDELOG_ASSERT(pins_ > 0);
    if (--pins_ == 0) ended = std::move(hold_);
  }
  if (ended) cache_.holds_.fetch_sub(1, std::memory_order_relaxed);
  if (cache_.is_overfull()) close();
}

bool cached_file::is_pinned() const {
  const std::lock_guard guard(mutex_);
  return pins_ > 0;
}

base::status cached_file::rename_to(const io::path& name) {
  // Under the lock, so that who failed to open the old name finds the new one.
  const std::lock_guard guard(mutex_);
  TIDELOG_DO(files_.rename(name_, name));
  name_ = io::compact_path(name);
  return {};
}

base::status cached_file::rename_if_there(const io::path& name) {
  const std::lock_guard guard(mutex_);
  auto renamed = files_.rename(name_, name);
  if (!renamed && renamed.error().code != std::errc::no_such_file_or_directory) return renamed;
  name_ = io::compact_path(name);
  return {};
}

base::status cached_file::remove() {
  {
    // Under the lock, so that nobody opens what gets the name after it.
    const std::lock_guard guard(mutex_);
    if (removed_) return {};
    auto gone = files_.remove_file(name_);
    if (!gone && gone.error().code != std::errc::no_such_file_or_directory) return gone;
    removed_ = true;
  }
  close();
  return {};
}

bool cached_file::is_removed() const {
  const std::lock_guard guard(mutex_);
  return removed_;
}

void cached_file::close() {
  {
    const std::lock_guard guard(mutex_);
    if (pins_ > 0) return;
    open_.reset();
  }
  cache_.forgotten(*this);
}

io::path cached_file::name() const {
  const std::lock_guard guard(mutex_);
  return name_;
}

std::optional<std::shared_ptr<io::file>> cached_file::give_up_if_idle() {
  const std::lock_guard guard(mutex_);
  if (open_ && std::exchange(used_lately_, false)) return std::nullopt;
  if (open_ && pins_ > 0 && !hold_) {
    if (cache_.held_files() >= cache_.most_holds_) return std::nullopt;
    auto held = open_->hold();
    if (!held) return std::nullopt;
    hold_ = std::move(*held);
    cache_.holds_.fetch_add(1, std::memory_order_relaxed);
  }
  return std::exchange(open_, nullptr);
}

open_file_cache::open_file_cache(std::size_t limit, std::size_t most_holds)
    : limit_(std::max<std::size_t>(limit, 1)), most_holds_(most_holds) {}

open_file_cache::~open_file_cache() {
  TIDELOG_ASSERT(open_.empty(), "{} files outlive their cache", open_.size());
}

std::size_t open_file_cache::open_files() const {
  const std::lock_guard guard(mutex_);
  return open_.size();
}

bool open_file_cache::is_overfull() const {
  // While all are in use, the hand may have to go round once before it finds one to close.
  return open_files() > limit_ + limit_ / most_passed;
}

void open_file_cache::opened(cached_file& file) {
  // Closed when the lock has gone.
  std::vector<std::shared_ptr<io::file>> given_up;
  const std::lock_guard guard(mutex_);
  if (!file.listed_) {
    file.listed_ = true;
    open_.push_back(&file);
  }
  const std::size_t most = std::min(most_passed, 2 * open_.size());
  for (std::size_t passed = 0; open_.size() > limit_ && passed < most; ++passed) {
    if (hand_ >= open_.size()) hand_ = 0;
    cached_file& candidate = *open_[hand_];
    auto idle = &candidate == &file ? std::nullopt : candidate.give_up_if_idle();
    if (!idle) {
      // Each file is passed twice at most while others are open: the first time takes its recent use away.
      ++hand_;
      continue;
    }
    given_up.push_back(std::move(*idle));
    candidate.listed_ = false;
    open_[hand_] = open_.back();
    open_.pop_back();
  }
}

void open_file_cache::forgotten(cached_file& file) {
  const std::lock_guard guard(mutex_);
  if (!file.listed_) return;
  file.listed_ = false;
  const auto found = std::find(open_.begin(), open_.end(), &file);
  *found = open_.back();
  open_.pop_back();
}

}  // namespace tidelog::storage
