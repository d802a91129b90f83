#include "authorized_operations.hpp"
#include "errors.hpp"
#include "gathering.hpp"
#include "group_words.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/consumer_group_describe.hpp"

namespace tidelog::server {
namespace {

protocol::consumer_group_described_assignment assignment_of(
    std::vector<coordinator::consumer_description::topic>&& topics) {
  protocol::consumer_group_described_assignment made;
  for (auto& each : topics) {
    made.topic_partitions.push_back({each.topic_id, std::move(each.name), std::move(each.partitions)});
  }
  return made;
}

protocol::consumer_group_described_group row_of(const std::string& id,
                                                coordinator::consumer_description&& found) {
  protocol::consumer_group_described_group row;
  row.group_id = id;
  row.error_code = error_code_of(found.error);
  if (found.error) {
    row.error_message = found.error_message.empty() ? std::string(protocol::error_message(row.error_code))
                                                    : std::move(found.error_message);
    return row;
  }
  row.group_state = word_of(found.state);
  row.group_epoch = found.group_epoch;
  row.assignment_epoch = found.assignment_epoch;
  row.assignor_name = std::move(found.assignor_name);
  for (auto& each : found.members) {
    auto& member = row.members.emplace_back();
    member.member_id = std::move(each.member_id);
    member.instance_id = std::move(each.instance_id);
    member.rack_id = std::move(each.rack_id);
    member.member_epoch = each.member_epoch;
    member.client_id = std::move(each.client.client_id);
    member.client_host = std::move(each.client.host);
    member.subscribed_topic_names = std::move(each.subscribed_topic_names);
    if (!each.subscribed_topic_pattern.empty())
      member.subscribed_topic_regex = std::move(each.subscribed_topic_pattern);
    member.assignment = assignment_of(std::move(each.assignment));
    member.target_assignment = assignment_of(std::move(each.target_assignment));
    member.member_type = each.type == coordinator::group_type::classic
                             ? protocol::group_member_type::classic
                             : protocol::group_member_type::consumer;
  }
  return row;
}

}  // namespace

void handle_consumer_group_describe(request of, protocol::consumer_group_describe_request message) {
  of.release_frame();
  auto& groups = of.environment().groups;
  const auto ids = message.group_ids;
  const gathering<coordinator::consumer_description> answers(
      ids.size(),
      [of = std::move(of), ids, operations = message.include_authorized_operations](auto found) mutable {
        protocol::consumer_group_describe_response response;
        for (std::size_t i = 0; i < found.size(); ++i) {
          auto& row = response.groups.emplace_back(row_of(ids[i], std::move(found[i])));
          if (operations) row.authorized_operations = all_group_operations;
        }
        of.answer(response);
      });
  for (std::size_t i = 0; i < ids.size(); ++i) groups.describe_consumer(ids[i], answers.taker(i));
}

}  // namespace tidelog::server
