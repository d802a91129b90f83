#include "network_metrics.hpp"

namespace tidelog::app {

network_metrics::network_metrics(metrics::registry& registry, const network::socket_server& sockets) {
  using figures = network::network_counters;
  const auto reader = [&sockets](std::uint64_t figures::*which) {
    return [&sockets, which] { return static_cast<double>(sockets.counters().*which); };
  };
  const auto add_counter = [&](std::string_view name, std::string_view help, std::uint64_t figures::*which) {
    series_.push_back(registry.add_callback_counter(name, help, {}, reader(which)));
  };
  const auto add_gauge = [&](std::string_view name, std::string_view help, std::uint64_t figures::*which) {
    series_.push_back(registry.add_callback_gauge(name, help, {}, reader(which)));
  };
  add_gauge("tidelog_network_connections", "Connections of clients that are open.",
            &figures::connections_open);
  add_counter("tidelog_network_accepted_connections", "Connections that were accepted.",
              &figures::connections_accepted);
  add_counter("tidelog_network_refused_connections",
              "Connections that were closed at once for one of the limits.", &figures::connections_refused);
  add_counter("tidelog_network_idle_connections_closed", "Connections that were closed for having been idle.",
              &figures::connections_closed_idle);
  add_counter("tidelog_network_accept_failures", "Connections that the system could not hand over.",
              &figures::accept_failures);
  add_counter("tidelog_network_received_bytes", "Bytes from clients.", &figures::bytes_in);
  add_counter("tidelog_network_sent_bytes", "Bytes to clients.", &figures::bytes_out);
  add_counter("tidelog_network_requests", "Requests that were read.", &figures::requests);
  add_gauge("tidelog_network_requests_in_flight", "Requests that have not been answered yet.",
            &figures::requests_in_flight);
  add_gauge("tidelog_network_request_bytes_in_flight",
            "Bytes of requests that count against queued.max.request.bytes.",
            &figures::request_bytes_in_flight);
  add_counter("tidelog_network_refused_frames",
              "Requests of an impossible size, each of which ended its connection.",
              &figures::frames_refused);
  add_counter("tidelog_network_cold_pieces", "Pieces of answers that had to be read from the disk first.",
              &figures::cold_pieces);
}

}  // namespace tidelog::app
