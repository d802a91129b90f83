#include "tidelog/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace tidelog::base {

void assertion_failed(std::string_view fact, std::string_view file, int line, std::string_view values) {
  fmt::print(stderr, "{}:{}: assertion failed: {}{}{}\n", file, line, fact, values.empty() ? "" : ": ",
             values);
  std::fflush(stderr);
  std::abort();
}

}  // namespace tidelog::base
