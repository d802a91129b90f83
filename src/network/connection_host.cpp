#include "connection_host.hpp"

#include "connection.hpp"

#include <algorithm>

namespace tidelog::network {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t spare_buffer_bytes = 8UL * 1024 * 1024;
// Often enough that a changed idle time takes effect soon, seldom enough to cost nothing.
constexpr milliseconds longest_sweep_interval{5000};
constexpr milliseconds shortest_sweep_interval{20};

}  // namespace

connection_host::connection_host(std::shared_ptr<event_loop> loop, const surroundings& around)
    : loop_(std::move(loop)), around_(around), buffers_(spare_buffer_bytes) {}

void connection_host::adopt(accepted_socket accepted) {
  if (draining_) {
    load_.fetch_sub(1, std::memory_order_release);
    return;
  }
  auto added = std::make_shared<connection>(shared_from_this(), accepted);
  added->set_place(connections_.size());
  connections_.push_back(added);
  if (!sweeping_) start_sweep();
  added->start(std::move(accepted.socket));
}

void connection_host::remove(connection& gone) {
  const auto place = gone.place();
  TIDELOG_ASSERT(place < connections_.size() && connections_[place].get() == &gone);
  const auto kept_until_the_end = std::move(connections_[place]);
  if (place + 1 < connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->set_place(place);
  }
  connections_.pop_back();
  load_.fetch_sub(1, std::memory_order_release);
}

void connection_host::drain() {
  draining_ = true;
  const auto all = connections_;
  for (const auto& one : all) one->drain();
}

void connection_host::close_all() {
  draining_ = true;
  const auto all = connections_;
  for (const auto& one : all) one->abandon();
}

void connection_host::start_sweep() {
  const milliseconds idle{around_.settings.connections_max_idle_ms.load(std::memory_order_relaxed)};
  const auto interval = idle.count() < 0
                            ? longest_sweep_interval
                            : std::clamp(idle / 4, shortest_sweep_interval, longest_sweep_interval);
  sweeping_ = true;
  loop_->start_timer(interval, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sweep();
  });
}

void connection_host::sweep() {
  sweeping_ = false;
  // With the last connection the server may be gone, and what surrounds it.
  if (connections_.empty()) return;
  // The bound may have been raised meanwhile, which nobody else would tell those who wait for it.
  around_.budget.wake_next();
  const auto now = std::chrono::steady_clock::now();
  const milliseconds idle{around_.settings.connections_max_idle_ms.load(std::memory_order_relaxed)};
  const auto all = connections_;
  for (const auto& one : all) one->close_if_idle(now, idle);
  start_sweep();
}

}  // namespace tidelog::network
