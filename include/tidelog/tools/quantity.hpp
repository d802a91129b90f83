#pragma once
// Numbers as people write them on a command line.

#include "tidelog/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidelog::tools {

/// "1024", "16KiB", "1MiB", "2GiB", also "k", "m", "g" (all of them powers of 1024). Fails with invalid_argument.
[[nodiscard]] base::result<std::uint64_t> parse_size(std::string_view text);
/// "500ms", "10s", "2m", "1h"; a bare number is seconds. Fails with invalid_argument.
[[nodiscard]] base::result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// Milliseconds since the epoch: a number of them, "2026-03-01T12:30:00Z", "2026-03-01" (UTC), or a duration before now
/// with a minus, "-15m". Fails with invalid_argument.
[[nodiscard]] base::result<std::int64_t> parse_point_in_time(std::string_view text, std::int64_t now_ms);

/// "1.5 GiB"
[[nodiscard]] std::string size_for_people(double bytes);
/// "853 us"
[[nodiscard]] std::string latency_for_people(std::chrono::nanoseconds latency);
/// "45s", "3m 20s", "5h 3m", "2d 4h"
[[nodiscard]] std::string age_for_people(std::chrono::milliseconds age);
/// "2026-03-01T12:30:00Z", of milliseconds since the epoch
[[nodiscard]] std::string time_for_people(std::int64_t ms);

}  // namespace tidelog::tools
