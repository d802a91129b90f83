#include "stop_during_start.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/log_message.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace tidelog::app {

stop_during_start::stop_during_start(const sigset_t& stops)
    : signals_(::signalfd(-1, &stops, SFD_CLOEXEC)), over_(::eventfd(0, EFD_CLOEXEC)) {
  TIDELOG_ASSERT(signals_ >= 0 && over_ >= 0, "errno={}", errno);
  thread_ = std::thread([this] { watch(); });
}

stop_during_start::~stop_during_start() {
  const std::uint64_t one = 1;
  const auto written = ::write(over_, &one, sizeof(one));
  TIDELOG_ASSERT(written == sizeof(one), "errno={}", errno);
  thread_.join();
  ::close(over_);
  ::close(signals_);
}

void stop_during_start::watch() const {
  ::pthread_setname_np(::pthread_self(), "early-stop");
  std::array<pollfd, 2> waited_for{{{over_, POLLIN, 0}, {signals_, POLLIN, 0}}};
  while (::poll(waited_for.data(), waited_for.size(), -1) < 0) {
    TIDELOG_ASSERT(errno == EINTR, "errno={}", errno);
  }
  if (waited_for[0].revents != 0) return;
  base::say_info("stopping before the start was finished; the next start recovers what is left");
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace tidelog::app
