#include "connection.hpp"

#include "host_and_port.hpp"

#include <asio/post.hpp>

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace tidelog::network {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What one connection may do before the others have their turn.
constexpr std::size_t frames_per_turn = 256;
constexpr std::size_t received_bytes_per_turn = 1024UL * 1024;
constexpr std::uint64_t sent_bytes_per_turn = 4096UL * 1024;

// A read that brought at least this much hints at a client in full flow, which has probably sent more meanwhile.
constexpr std::size_t full_flow_bytes = 16UL * 1024;

// A half-received frame that stands still for so long gives up its memory when memory is short.
constexpr milliseconds stalled_frame_patience{10'000};

// How long, and for how many bytes, a client may go on sending to a connection that is over before it is cut off.
constexpr milliseconds linger_patience{1000};
constexpr std::size_t linger_bytes = 4096UL * 1024;

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

connection::connection(std::shared_ptr<connection_host> host, accepted_socket& accepted)
    : host_(std::move(host)),
      loop_(*host_->loop()),
      admitted_(std::move(accepted.admitted)),
      socket_(loop_.context()),
      client_port_(accepted.client_port),
      stream_(host_->buffers()),
      last_byte_(steady_clock::now()) {
  info_.id = host_->around().next_connection_id.fetch_add(1, std::memory_order_relaxed);
  info_.home = &loop_;
  info_.listener_name = std::move(accepted.listener_name);
  info_.client_host = std::move(accepted.client_host);
  info_.local_host = std::move(accepted.local_host);
  info_.local_port = accepted.local_port;
}

void connection::start(unique_fd socket) {
  std::error_code refused;
  socket_.assign(socket.get(), refused);
  if (refused) {
    base::say_error("connection from {} closed: {}", peer(), refused.message());
    ended_.store(true, std::memory_order_relaxed);
    return close_socket();
  }
  (void)socket.release();
  host_->around().service.connected(info_);
  wait_readable();
}

std::string connection::peer() const {
  return host_and_port(info_.client_host, client_port_);
}

// Reading.

void connection::wait_readable() {
  stream_.rest();
  reading_ = reading::waits_for_bytes;
  socket_.async_wait(socket_.wait_read, [self = shared_from_this()](const std::error_code& error) {
    if (!error) self->read_turn();
  });
}

void connection::schedule_reading() {
  reading_ = reading::scheduled;
  asio::post(loop_.context(), [self = shared_from_this()] { self->read_turn(); });
}

void connection::read_turn() {
  const event_loop::turn guard(loop_);
  if (phase_ != phase::open || reading_ == reading::over) return;
  reading_ = reading::in_turn;
  read_until_told_to_stop();
  pass_memory_turn_on();
  account();
}

void connection::read_until_told_to_stop() {
  std::size_t frames_left = frames_per_turn;
  std::size_t bytes_left = received_bytes_per_turn;
  bool probably_more = true;
  while (true) {
    switch (handle_frames(frames_left)) {
      case batch::need_bytes:
        break;
      case batch::turn_used:
        return schedule_reading();
      case batch::queue_full:
        reading_ = reading::waits_for_answers;
        return;
      case batch::over:
        reading_ = reading::over;
        return;
    }
    if (!probably_more) return wait_readable();
    if (bytes_left == 0) return schedule_reading();
    // In the middle of a large frame the memory is held already; letting it complete is what frees it again.
    if (stream_.held_bytes() <= buffer_pool::standard_bytes && !has_memory_turn_ &&
        !host_->around().budget.admits()) {
      return wait_for_memory();
    }
    std::size_t received_bytes = 0;
    if (!receive(bytes_left, received_bytes)) return;
    probably_more = received_bytes >= full_flow_bytes;
  }
}

connection::batch connection::handle_frames(std::size_t& frames_left) {
  auto& counters = host_->counters();
  const auto largest = host_->around().settings.socket_request_max_bytes.load(std::memory_order_relaxed);
  while (true) {
    if (queue_is_full()) return batch::queue_full;
    if (frames_left == 0) return batch::turn_used;
    auto step = stream_.next(largest);
    if (step.what == frame_stream::found::nothing_yet) return batch::need_bytes;
    if (step.what == frame_stream::found::bad_size) {
      refuse_frame(step.bad_size);
      return batch::over;
    }
    --frames_left;
    counters.requests.add(1);
    const auto slot = queue_.push(step.frame.bytes.size());
    host_->around().service.handle(info_, std::move(step.frame), {shared_from_this(), slot});
    if (phase_ != phase::open || reading_ == reading::over) return batch::over;
  }
}

/// The answers to earlier requests leave first, as when the service closes.
void connection::refuse_frame(std::int32_t size) {
  host_->counters().frames_refused.add(1);
  settle_here(
      queue_.push(0),
      closing{fmt::format(
          "it announced a request of {} bytes, allowed are {} to {} (socket.request.max.bytes)", size,
          frame_stream::smallest_frame_bytes, host_->around().settings.socket_request_max_bytes.load())});
}

bool connection::receive(std::size_t& bytes_left, std::size_t& received_bytes) {
  const auto room = stream_.room();
  ssize_t received = 0;
  do {
    received = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
  } while (received < 0 && errno == EINTR);
  if (received < 0 && would_block(errno)) {
    wait_readable();
    return false;
  }
  if (received <= 0) {
    const int error = received == 0 ? 0 : errno;
    base::say_debug("connection from {} closed by the client{}{}", peer(), error != 0 ? ": " : "",
                    error != 0 ? std::system_category().message(error) : "");
    end(farewell::at_once);
    return false;
  }
  received_bytes = static_cast<std::size_t>(received);
  stream_.received(received_bytes);
  host_->counters().bytes_in.add(received_bytes);
  bytes_left -= std::min(bytes_left, received_bytes);
  last_byte_ = steady_clock::now();
  return true;
}

void connection::wait_for_memory() {
  stream_.rest();
  reading_ = reading::waits_for_memory;
  // Waiting holds no connection alive, and one that is gone by then passes its turn on.
  auto& budget = host_->around().budget;
  budget.wait([weak = weak_from_this(), loop = host_->loop(), &budget] {
    loop->post([weak, &budget] {
      const auto self = weak.lock();
      if (self == nullptr || self->reading_ != reading::waits_for_memory || self->phase_ != phase::open) {
        budget.wake_next();
        return;
      }
      self->has_memory_turn_ = true;
      self->read_turn();
    });
  });
}

void connection::pass_memory_turn_on() {
  if (!has_memory_turn_) return;
  has_memory_turn_ = false;
  account();
  host_->around().budget.wake_next();
}

bool connection::queue_is_full() const {
  const auto& settings = host_->around().settings;
  return queue_.size() >= static_cast<std::size_t>(std::max(1, settings.requests_in_flight_per_connection)) ||
         queue_.queued_bytes() >= static_cast<std::size_t>(settings.response_bytes_queued_per_connection);
}

/// Well below full, so that reading is not taken up for one frame at a time.
bool connection::queue_has_room_again() const {
  const auto& settings = host_->around().settings;
  return queue_.size() <= static_cast<std::size_t>(settings.requests_in_flight_per_connection) * 3 / 4 &&
         queue_.queued_bytes() <= static_cast<std::size_t>(settings.response_bytes_queued_per_connection) / 2;
}

void connection::take_up_reading() {
  if (reading_ == reading::waits_for_answers && phase_ == phase::open && queue_has_room_again())
    schedule_reading();
}

/// Tells the budget and the counters what has changed since they were told last.
void connection::account() {
  auto bytes = static_cast<std::int64_t>(queue_.request_bytes());
  if (const auto held = stream_.held_bytes(); held > buffer_pool::standard_bytes) {
    bytes += static_cast<std::int64_t>(held);
  }
  if (const auto change = bytes - std::exchange(accounted_bytes_, bytes); change != 0) {
    host_->around().budget.adjust(change);
  }
  auto& in_flight = host_->counters().requests_in_flight;
  const auto before = std::exchange(accounted_requests_, queue_.unsettled());
  in_flight.add(accounted_requests_);
  in_flight.subtract(before);
}

// Answers.

void connection::answer(std::uint64_t slot, codec::encoded response) {
  settle(slot, std::move(response));
}
void connection::answer_nothing(std::uint64_t slot) {
  settle(slot, no_answer{});
}
void connection::close(std::uint64_t slot, std::string reason) {
  settle(slot, closing{std::move(reason)});
}

void connection::settle(std::uint64_t slot, settlement outcome) {
  if (loop_.is_here()) return settle_here(slot, std::move(outcome));
  if (ended_.load(std::memory_order_relaxed)) return;
  // It goes to the other thread by pointer, so that the queue moves a pointer and not a response.
  auto sent = std::make_unique<settlement>(std::move(outcome));
  loop_.post([self = shared_from_this(), slot, sent = std::move(sent)] {
    self->settle_here(slot, std::move(*sent));
  });
}

void connection::settle_here(std::uint64_t slot, settlement outcome) {
  if (is_ended()) return;
  const bool closes = std::holds_alternative<closing>(outcome);
  if (!queue_.settle(slot, std::move(outcome))) return;
  // Nothing that comes after it would be answered.
  if (closes) reading_ = reading::over;
  if (turn_end_asked_) return;
  turn_end_asked_ = true;
  loop_.at_turn_end(shared_from_this());
}

void connection::turn_ended() {
  turn_end_asked_ = false;
  if (is_ended()) return;
  if (!write_waits_ && !brings_in_) write();
  if (is_ended()) return;
  account();
  take_up_reading();
}

void connection::write() {
  const auto progress = writer_.write(socket_.native_handle(), queue_, sent_bytes_per_turn);
  if (progress.sent_bytes > 0) {
    host_->counters().bytes_out.add(progress.sent_bytes);
    last_byte_ = steady_clock::now();
  }
  using state = response_writer::state;
  switch (progress.now) {
    case state::drained:
      if (phase_ == phase::draining && queue_.empty()) end(farewell::after_unread_input);
      return;
    case state::blocked:
      return wait_writable();
    case state::turn_used:
      write_waits_ = true;
      asio::post(loop_.context(), [self = shared_from_this()] {
        const event_loop::turn guard(self->loop_);
        self->write_waits_ = false;
        self->turn_ended();
      });
      return;
    case state::cold:
      return bring_in_cold_piece();
    case state::closing:
      base::say_warning("connection from {} closed: {}", peer(), std::get<closing>(*queue_.at(0)).reason);
      return end(farewell::after_unread_input);
    case state::failed:
      // A client that goes away is its own affair; a file that cannot be sent is ours.
      if (const auto& code = writer_.failure().code; code == std::errc::broken_pipe ||
                                                     code == std::errc::connection_reset ||
                                                     code == std::errc::timed_out) {
        base::say_debug("connection from {} closed by the client: {}", peer(), writer_.failure().describe());
      } else {
        base::say_error("connection from {} closed: {}", peer(), writer_.failure().describe());
      }
      return end(farewell::at_once);
  }
}

void connection::wait_writable() {
  write_waits_ = true;
  socket_.async_wait(socket_.wait_write, [self = shared_from_this()](const std::error_code& error) {
    if (error) return;
    const event_loop::turn guard(self->loop_);
    self->write_waits_ = false;
    if (!self->turn_end_asked_) self->turn_ended();
  });
}

void connection::bring_in_cold_piece() {
  brings_in_ = true;
  host_->counters().cold_pieces.add(1);
  host_->around().disk.submit([self = shared_from_this(), piece = writer_.cold_piece()] {
    auto outcome = piece.source->bring_in(piece.position, piece.length);
    self->loop_.post([self, outcome = std::move(outcome)] {
      self->brings_in_ = false;
      if (self->is_ended()) return;
      if (!outcome) {
        base::say_error("connection from {} closed: {}", self->peer(), outcome.error().describe());
        return self->end(farewell::at_once);
      }
      self->writer_.piece_is_in();
      if (!self->turn_end_asked_) self->turn_ended();
    });
  });
}

// The end.

void connection::drain() {
  if (phase_ != phase::open) return;
  phase_ = phase::draining;
  if (queue_.empty()) end(farewell::after_unread_input);
}

void connection::abandon() {
  if (!is_ended()) end(farewell::at_once);
  if (phase_ == phase::lingering) close_socket();
}

void connection::close_if_idle(steady_clock::time_point now, milliseconds max_idle) {
  if (is_ended()) return;
  const auto idle = now - last_byte_;
  const bool serves = queue_.unsettled() > 0 || brings_in_;
  if (max_idle.count() >= 0 && !serves && reading_ != reading::waits_for_memory && idle >= max_idle) {
    base::say_debug("connection from {} closed: idle for {} ms", peer(), max_idle.count());
    host_->counters().closed_idle.add(1);
    return end(farewell::at_once);
  }
  if (stream_.held_bytes() > buffer_pool::standard_bytes && idle >= stalled_frame_patience &&
      reading_ == reading::waits_for_bytes && !host_->around().budget.has_room()) {
    base::say_warning(
        "connection from {} closed: memory is short (queued.max.request.bytes) and its request stands "
        "still at {} bytes",
        peer(), stream_.pending_bytes());
    end(farewell::at_once);
  }
}

void connection::end(farewell how) {
  ended_.store(true, std::memory_order_relaxed);
  phase_ = phase::lingering;
  reading_ = reading::over;
  // The cancelled waits let go of the connection; lingering begins a wait of its own.
  std::error_code ignored;
  socket_.cancel(ignored);
  stream_.clear();
  queue_.clear();
  account();
  pass_memory_turn_on();
  host_->around().service.disconnected(info_);
  int unread = 0;
  // Closing a socket with unread input resets it, and what was sent last might never be read by the client.
  if (how == farewell::after_unread_input && ::ioctl(socket_.native_handle(), FIONREAD, &unread) == 0 &&
      unread > 0) {
    return linger();
  }
  close_socket();
}

void connection::linger() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
  loop_.start_timer(linger_patience, [weak = weak_from_this()] {
    if (const auto self = weak.lock(); self != nullptr && self->phase_ == phase::lingering)
      self->close_socket();
  });
  discard_input();
}

void connection::discard_input() {
  if (phase_ != phase::lingering) return;
  auto scratch = host_->buffers().take(buffer_pool::standard_bytes);
  ssize_t received = 0;
  do {
    received = ::recv(socket_.native_handle(), scratch->bytes.get(), scratch->capacity, MSG_DONTWAIT);
    if (received > 0) bytes_discarded_ += static_cast<std::size_t>(received);
  } while (received > 0 && bytes_discarded_ < linger_bytes);
  const bool goes_on = received < 0 && would_block(errno);
  host_->buffers().give_back(std::move(scratch));
  if (!goes_on) return close_socket();
  socket_.async_wait(socket_.wait_read, [self = shared_from_this()](const std::error_code& error) {
    if (!error) self->discard_input();
  });
}

void connection::close_socket() {
  phase_ = phase::closed;
  std::error_code ignored;
  socket_.close(ignored);
  admitted_ = {};
  host_->remove(*this);
}

}  // namespace tidelog::network
