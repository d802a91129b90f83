#include "authorized_operations.hpp"
#include "errors.hpp"
#include "gathering.hpp"
#include "group_words.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/describe_groups.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

/// From here on a group that is not there is an error; before, it is dead.
constexpr std::int16_t unknown_is_error_since = 6;

protocol::described_group row_of(const request& of, const std::string& id,
                                 coordinator::classic_description&& found) {
  protocol::described_group row;
  row.group_id = id;
  row.error_code = error_code_of(found.error);
  row.group_state = word_of(found.state);
  if (found.error) {
    row.error_message = protocol::error_message(row.error_code);
    const bool is_missing = row.error_code == error_code::group_id_not_found;
    row.group_state = is_missing ? word_of(coordinator::group_state::dead) : "";
    if (is_missing && of.version() < unknown_is_error_since) row.error_code = error_code::none;
    return row;
  }
  row.protocol_type = std::move(found.protocol_type);
  row.protocol_data = std::move(found.protocol_name);
  for (auto& each : found.members) {
    row.members.push_back({std::move(each.member_id), std::move(each.instance_id),
                           std::move(each.client.client_id), std::move(each.client.host),
                           std::move(each.metadata), std::move(each.assignment)});
  }
  return row;
}

}  // namespace

void handle_describe_groups(request of, protocol::describe_groups_request message) {
  of.release_frame();
  auto& groups = of.environment().groups;
  const auto ids = message.groups;
  const gathering<coordinator::classic_description> answers(
      ids.size(),
      [of = std::move(of), ids, operations = message.include_authorized_operations](auto found) mutable {
        protocol::describe_groups_response response;
        for (std::size_t i = 0; i < found.size(); ++i) {
          auto& row = response.groups.emplace_back(row_of(of, ids[i], std::move(found[i])));
          if (operations) row.authorized_operations = all_group_operations;
        }
        of.answer(response);
      });
  for (std::size_t i = 0; i < ids.size(); ++i) groups.describe_classic(ids[i], answers.taker(i));
}

}  // namespace tidelog::server
