#pragma once
// Answers scrapers and health checks over HTTP, with a thread and an address of its own:
//
//   GET /metrics   every series, as Prometheus' text, or as OpenMetrics where that is accepted
//   GET /health    200 while the broker makes progress, 503 when it does not
//
// The HTTP is libevent's. cpp-httplib, as Debian has it, would load OpenSSL and Brotli with every start: 4 MiB of memory.

#include "tidelog/base/result.hpp"
#include "tidelog/metrics/registry.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tidelog::app {

/// serve() once; then everything happens on its thread until the end.
class metrics_port {
 public:
  /// Asked on the port's thread.
  using health_check = std::function<bool()>;

  /// Takes the address; nobody is answered yet. An empty host means every address of the machine, port 0 one that the
  /// system chooses. Fails with the errno of binding.
  [[nodiscard]] static base::result<std::unique_ptr<metrics_port>> bind(const std::string& host,
                                                                        std::uint16_t port);
  /// Answers what is being answered, and stops.
  ~metrics_port();
  metrics_port(const metrics_port&) = delete;
  metrics_port& operator=(const metrics_port&) = delete;

  /// `series` outlives it.
  void serve(const metrics::registry& series, health_check is_healthy);
  /// HOST:PORT, with the port that the system chose.
  [[nodiscard]] const std::string& address() const;

 private:
  struct parts;
  explicit metrics_port(std::unique_ptr<parts> made);

  std::unique_ptr<parts> parts_;
};

}  // namespace tidelog::app
