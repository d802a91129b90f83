#include "tidelog/storage/group_commit.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <pthread.h>

namespace tidelog::storage {

namespace {

/// What this thread is committing.
thread_local const commit_source* committed_here = nullptr;

}  // namespace

group_commit::group_commit(std::size_t most_threads)
    : most_threads_(std::max<std::size_t>(most_threads, 1)) {}

group_commit::~group_commit() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void group_commit::request(commit_source& source) {
  using stage = commit_source::stage;
  auto seen = source.stage_.load(std::memory_order_seq_cst);
  while (true) {
    switch (seen) {
      case stage::queued:
      case stage::running_and_wanted:
        // A commit that has not begun yet covers what was written before this call.
        return;
      case stage::idle:
        if (source.stage_.compare_exchange_weak(seen, stage::queued)) return enqueue(source);
        break;
      case stage::running:
        if (source.stage_.compare_exchange_weak(seen, stage::running_and_wanted)) return;
        break;
    }
  }
}

void group_commit::enqueue(commit_source& source) {
  {
    const std::lock_guard guard(mutex_);
    TIDELOG_ASSERT(!stopping_);
    queue_.push_back(&source);
    if (idle_threads_ < queue_.size() && threads_.size() < most_threads_) {
      threads_.emplace_back([this] { run(); });
    }
  }
  wake_.notify_one();
}

void group_commit::forget(commit_source& source) {
  using stage = commit_source::stage;
  TIDELOG_ASSERT(committed_here != &source, "forget() within commit() would wait for itself");
  std::unique_lock lock(mutex_);
  if (source.stage_.load() == stage::queued) {
    const auto found = std::find(queue_.begin(), queue_.end(), &source);
    if (found != queue_.end()) {
      queue_.erase(found);
      source.stage_.store(stage::idle);
    }
  }
  finished_.wait(lock, [&] { return source.stage_.load() == stage::idle; });
}

void group_commit::run() {
  using stage = commit_source::stage;
  ::pthread_setname_np(::pthread_self(), "commit");
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_threads_;
    wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    --idle_threads_;
    if (queue_.empty()) return;
    commit_source& source = *queue_.front();
    queue_.pop_front();
    // From here on a request means another commit: what it wants may come too late for this one.
    source.stage_.store(stage::running);
    lock.unlock();
    committed_here = &source;
    source.commit();
    committed_here = nullptr;
    lock.lock();
    auto expected = stage::running;
    if (!source.stage_.compare_exchange_strong(expected, stage::idle)) {
      source.stage_.store(stage::queued);
      queue_.push_back(&source);
    }
    finished_.notify_all();
  }
}

}  // namespace tidelog::storage
