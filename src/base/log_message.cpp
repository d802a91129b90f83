#include "tidelog/base/log_message.hpp"

#include <atomic>
#include <cstdio>

namespace tidelog::base {
namespace {

void to_stderr(severity level, std::string_view message) {
  static constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
  fmt::print(stderr, "{}: {}\n", names[static_cast<std::size_t>(level)], message);
}

std::atomic<message_sink> current_sink{to_stderr};
std::atomic<severity> lowest_wanted{severity::warning};

}  // namespace

void set_message_sink(message_sink sink, severity lowest) {
  current_sink.store(sink);
  lowest_wanted.store(lowest);
}

void set_lowest_severity(severity lowest) {
  lowest_wanted.store(lowest);
}

bool message_wanted(severity level) {
  return level >= lowest_wanted.load(std::memory_order_relaxed);
}

void say(severity level, std::string_view message) {
  if (message_wanted(level)) current_sink.load(std::memory_order_acquire)(level, message);
}

}  // namespace tidelog::base
