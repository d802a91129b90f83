#include "tidelog/base/result.hpp"

namespace tidelog::base {

std::string error::describe() const {
  if (context.empty()) return code.message();
  return fmt::format("{}: {}", context, code.message());
}

}  // namespace tidelog::base
