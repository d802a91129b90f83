#include "log_finding.hpp"

namespace tidelog::tools {

std::string_view name_of(severity level) {
  switch (level) {
    case severity::note:
      return "note";
    case severity::repairable:
      return "repairable";
    case severity::damaged:
      return "damaged";
  }
  return "unknown";
}

bool is_errno(const base::error& failure) {
  return failure.code.category() == std::system_category();
}

}  // namespace tidelog::tools
