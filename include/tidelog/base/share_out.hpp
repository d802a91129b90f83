#pragma once
// The same work for many things, shared out to a pool.

#include "tidelog/base/worker_pool.hpp"

#include <cstddef>
#include <functional>

namespace tidelog::base {

/// Runs work(0) to work(count - 1) on the pool's threads and waits for all; then done(n), one call at a time, says that
/// n of them are through. Never called from one of the pool's threads, which would wait for itself.
void share_out(worker_pool& pool, std::size_t count, const std::function<void(std::size_t)>& work,
               const std::function<void(std::size_t)>& done);

}  // namespace tidelog::base
