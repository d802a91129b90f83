#pragma once
// The programs, from their arguments to their exit codes; main() only calls them, so that tests can.

#include <string_view>

namespace tidelog::tools {

/// `tidelog`: administration, producing and consuming from a shell, and looking into files.
[[nodiscard]] int run_tidelog(int argument_count, const char* const* arguments, std::string_view version);
/// `tidelog-bench`: the load generator.
[[nodiscard]] int run_bench(int argument_count, const char* const* arguments, std::string_view version);

}  // namespace tidelog::tools
