#pragma once
// A TCP connection with deadlines, over plain POSIX calls.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/client/address.hpp"

#include <chrono>

namespace tidelog::client {

using deadline = std::chrono::steady_clock::time_point;
[[nodiscard]] inline deadline after(std::chrono::milliseconds wait) {
  return std::chrono::steady_clock::now() + wait;
}

/// Non-blocking beneath, so that every wait has an end. One thread at a time. Closed when it goes.
class socket {
 public:
  socket() = default;
  explicit socket(int descriptor) : descriptor_(descriptor) {}
  socket(socket&& other) noexcept;
  socket& operator=(socket&& other) noexcept;
  socket(const socket&) = delete;
  socket& operator=(const socket&) = delete;
  ~socket();

  /// Tries every address of the host in turn. Fails with unknown_host, timed_out, or the errno of the last attempt.
  [[nodiscard]] static base::result<socket> connect(const broker_address& to, deadline until);

  /// Fails with timed_out, connection_closed or an errno.
  [[nodiscard]] base::status send_all(base::byte_view bytes, deadline until);
  /// Fills `into`. Fails as above.
  [[nodiscard]] base::status receive_all(base::byte_span into, deadline until);
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

}  // namespace tidelog::client
