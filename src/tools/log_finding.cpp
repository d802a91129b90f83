#include "log_finding.hpp"

#include <cerrno>

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

bool is_unreadable(const base::error& failure) {
  if (!is_errno(failure)) return false;
  switch (failure.code.value()) {
    case EIO:
    case EUCLEAN:
    case EBADMSG:
    case ENODATA:
      return true;
    default:
      return false;
  }
}

finding unreadable_file(severity level, const io::path& file, const base::error& why,
                        std::vector<repair_step> steps) {
  return {level, "unreadable", file, why.describe(), {}, {}, {}, std::move(steps)};
}

}  // namespace tidelog::tools
