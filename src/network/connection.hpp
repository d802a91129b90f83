#pragma once
// One client: its frames go to the service in order, the answers leave in that order.

#include "connection_host.hpp"
#include "response_queue.hpp"
#include "response_writer.hpp"

#include <asio/posix/basic_stream_descriptor.hpp>

#include "tidelog/network/frame_stream.hpp"
#include "tidelog/protocol/service.hpp"

#include <atomic>
#include <chrono>
#include <memory>

namespace tidelog::network {

/// Lives on its host's reactor; only the functions of response_port may be called from other threads. They keep it
/// alive, so that answers that come after its end fall on nothing.
///
/// Reading stops while too many requests or answer bytes are in the queue, or while the process holds too many request
/// bytes, and is taken up again when that is over. Everything that ends a connection goes through end(), which tells
/// the service once and forgets the requests.
class connection final : public protocol::response_port,
                         public turn_end_listener,
                         public std::enable_shared_from_this<connection> {
 public:
  connection(std::shared_ptr<connection_host> host, accepted_socket& accepted);

  void start(unique_fd socket);
  /// Takes no more requests and ends when those taken have been answered.
  void drain();
  /// Ends at once.
  void abandon();
  void close_if_idle(std::chrono::steady_clock::time_point now, std::chrono::milliseconds max_idle);

  void answer(std::uint64_t slot, codec::encoded response) override;
  void answer_nothing(std::uint64_t slot) override;
  void close(std::uint64_t slot, std::string reason) override;
  void turn_ended() override;

  /// Where the host finds it in its list.
  [[nodiscard]] std::size_t place() const { return place_; }
  void set_place(std::size_t place) { place_ = place; }

 private:
  enum class phase {
    open,
    draining,   ///< takes no more requests
    lingering,  ///< ended for the service; the client may still be reading the last answers
    closed
  };
  enum class reading {
    waits_for_bytes,
    scheduled,          ///< a turn is posted
    waits_for_answers,  ///< until the queue is shorter
    waits_for_memory,   ///< in the budget's queue
    in_turn,
    over
  };
  enum class batch { need_bytes, turn_used, queue_full, over };

  void wait_readable();
  void schedule_reading();
  void read_turn();
  void read_until_told_to_stop();
  [[nodiscard]] batch handle_frames(std::size_t& frames_left);
  void refuse_frame(std::int32_t size);
  /// False when reading is over or has to wait.
  [[nodiscard]] bool receive(std::size_t& bytes_left, std::size_t& received_bytes);
  void wait_for_memory();
  void pass_memory_turn_on();

  void settle(std::uint64_t slot, settlement outcome);
  void settle_here(std::uint64_t slot, settlement outcome);
  void write();
  void wait_writable();
  void bring_in_cold_piece();
  void take_up_reading();
  void account();

  [[nodiscard]] bool is_ended() const { return phase_ == phase::lingering || phase_ == phase::closed; }
  [[nodiscard]] bool queue_is_full() const;
  [[nodiscard]] bool queue_has_room_again() const;
  [[nodiscard]] std::string peer() const;

  enum class farewell { at_once, after_unread_input };
  void end(farewell how);
  void linger();
  void discard_input();
  void close_socket();

  std::shared_ptr<connection_host> host_;
  event_loop& loop_;
  connection_limits::admission admitted_;
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> socket_;
  protocol::connection_info info_;
  std::uint16_t client_port_;
  std::size_t place_ = 0;

  phase phase_ = phase::open;
  reading reading_ = reading::scheduled;
  /// Woken from the budget's queue, and the next there has not been woken yet.
  bool has_memory_turn_ = false;
  bool write_waits_ = false;
  bool brings_in_ = false;
  bool turn_end_asked_ = false;
  /// Answers from other threads need not be posted any more.
  std::atomic<bool> ended_{false};

  frame_stream stream_;
  response_queue queue_;
  response_writer writer_;
  /// What the budget and the counters have been told.
  std::int64_t accounted_bytes_ = 0;
  std::size_t accounted_requests_ = 0;
  std::chrono::steady_clock::time_point last_byte_;
  std::size_t bytes_discarded_ = 0;
};

}  // namespace tidelog::network
