#pragma once
// What the network has done since the start, summed over the reactors at the moment of asking.

#include <cstdint>

namespace tidelog::network {

struct network_counters {
  std::uint64_t connections_accepted = 0;
  /// Closed at once for one of the connection limits.
  std::uint64_t connections_refused = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t connections_closed_idle = 0;
  std::uint64_t accept_failures = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t requests = 0;
  /// Handed to the service and not answered yet.
  std::uint64_t requests_in_flight = 0;
  /// Bytes counted against queued.max.request.bytes.
  std::uint64_t request_bytes_in_flight = 0;
  /// Frames that were too small or too large; each closed its connection.
  std::uint64_t frames_refused = 0;
  /// Pieces of files that were not in the page cache and were read by the worker pool before they were sent.
  std::uint64_t cold_pieces = 0;
};

}  // namespace tidelog::network
