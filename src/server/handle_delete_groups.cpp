#include "errors.hpp"
#include "gathering.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/delete_groups.hpp"

namespace tidelog::server {

void handle_delete_groups(request of, protocol::delete_groups_request message) {
  of.release_frame();
  auto& groups = of.environment().groups;
  const auto names = message.groups_names;
  const gathering<coordinator::delete_group_answer> answers(
      names.size(), [of = std::move(of), names](const auto& outcomes) mutable {
        protocol::delete_groups_response response;
        for (std::size_t i = 0; i < outcomes.size(); ++i)
          response.results.push_back({names[i], error_code_of(outcomes[i].error)});
        of.answer(response);
      });
  for (std::size_t i = 0; i < names.size(); ++i) groups.delete_group(names[i], answers.taker(i));
}

}  // namespace tidelog::server
