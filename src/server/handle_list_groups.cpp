#include "errors.hpp"
#include "group_words.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/list_groups.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// No filter lets everything through; case does not matter.
bool passes(const std::vector<std::string>& filter, std::string_view word) {
  return filter.empty() || std::any_of(filter.begin(), filter.end(), [&](const std::string& wanted) {
           return std::equal(wanted.begin(), wanted.end(), word.begin(), word.end(),
                             [](char left, char right) { return lower(left) == lower(right); });
         });
}

}  // namespace

void handle_list_groups(request of, protocol::list_groups_request message) {
  of.release_frame();
  auto& groups = of.environment().groups;
  groups.list_groups(
      [of = std::move(of), message = std::move(message)](coordinator::list_groups_answer found) mutable {
        protocol::list_groups_response response;
        response.error_code = error_code_of(found.error);
        for (auto& group : found.groups) {
          const auto state = word_of(group.state);
          const auto type = word_of(group.type);
          if (!passes(message.states_filter, state) || !passes(message.types_filter, type)) continue;
          response.groups.push_back({std::move(group.group_id), std::move(group.protocol_type),
                                     std::string(state), std::string(type)});
        }
        of.answer(response);
      });
}

}  // namespace tidelog::server
