#include "tidelog/storage/open_file_cache.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <cerrno>

namespace tidelog::storage {

cached_file::cached_file(open_file_cache& cache, io::file_system& files, io::path name)
    : cache_(cache), files_(files), name_(std::move(name)) {}

cached_file::~cached_file() {
  cache_.forgotten(*this);
}

base::result<std::shared_ptr<io::file>> cached_file::get() {
  return get_in_mode(io::open_mode::read_write);
}

base::result<std::shared_ptr<io::file>> cached_file::get_or_create() {
  return get_in_mode(io::open_mode::create);
}

base::result<std::shared_ptr<io::file>> cached_file::get_in_mode(io::open_mode mode) {
  io::path to_open;
  {
    const std::lock_guard guard(mutex_);
    used_lately_ = true;
    if (open_) return open_;
    if (removed_) return fail_removed();
    to_open = name_;
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
    if (name_ == to_open) {
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
  const std::lock_guard guard(mutex_);
  TIDELOG_ASSERT(pins_ > 0);
  --pins_;
}

base::status cached_file::rename_to(const io::path& name) {
  // Under the lock, so that who failed to open the old name finds the new one.
  const std::lock_guard guard(mutex_);
  TIDELOG_DO(files_.rename(name_, name));
  name_ = name;
  return {};
}

base::status cached_file::rename_if_there(const io::path& name) {
  const std::lock_guard guard(mutex_);
  auto renamed = files_.rename(name_, name);
  if (!renamed && renamed.error().code != std::errc::no_such_file_or_directory) return renamed;
  name_ = name;
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

bool cached_file::give_up_if_idle() {
  const std::lock_guard guard(mutex_);
  if (open_ && (pins_ > 0 || used_lately_)) {
    used_lately_ = false;
    return false;
  }
  open_.reset();
  return true;
}

open_file_cache::open_file_cache(std::size_t limit) : limit_(std::max<std::size_t>(limit, 1)) {}

open_file_cache::~open_file_cache() {
  TIDELOG_ASSERT(open_.empty(), "{} files outlive their cache", open_.size());
}

std::size_t open_file_cache::open_files() const {
  const std::lock_guard guard(mutex_);
  return open_.size();
}

void open_file_cache::opened(cached_file& file) {
  const std::lock_guard guard(mutex_);
  if (!file.listed_) {
    file.listed_ = true;
    open_.push_back(&file);
  }
  // Each file is passed twice at most: the first time takes its recent use away.
  for (std::size_t passed = 0; open_.size() > limit_ && passed < 2 * open_.size(); ++passed) {
    if (hand_ >= open_.size()) hand_ = 0;
    cached_file& candidate = *open_[hand_];
    if (&candidate == &file || !candidate.give_up_if_idle()) {
      ++hand_;
      continue;
    }
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
