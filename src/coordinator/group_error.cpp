#include "tidelog/coordinator/group_error.hpp"

#include <string>

namespace tidelog::coordinator {
namespace {

class error_names final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "tidelog.coordinator"; }
  [[nodiscard]] std::string message(int code) const override {
    return std::string(text_of(static_cast<errc>(code)));
  }

 private:
  [[nodiscard]] static std::string_view text_of(errc code);
};

std::string_view error_names::text_of(errc code) {
  switch (code) {
    case errc::load_in_progress:
      return "the group's partition of __consumer_offsets is being read";
    case errc::not_available:
      return "the group's partition of __consumer_offsets is not there yet, cannot be written to, or the "
             "broker stops";
    case errc::not_coordinator:
      return "the group's partition of __consumer_offsets cannot be used here";
    case errc::invalid_group_id:
      return "the group id is empty";
    case errc::group_not_found:
      return "there is no such group";
    case errc::unknown_member:
      return "the group has no such member";
    case errc::illegal_generation:
      return "the generation is not the group's";
    case errc::inconsistent_protocol:
      return "the member's protocols do not go with the group's";
    case errc::invalid_session_timeout:
      return "the session timeout is out of the broker's bounds";
    case errc::rebalance_in_progress:
      return "the group is rebalancing";
    case errc::member_id_required:
      return "the member is to join again with the id it was given";
    case errc::fenced_instance_id:
      return "another member has taken over the instance id";
    case errc::unreleased_instance_id:
      return "the instance id belongs to a member that is there";
    case errc::group_max_size_reached:
      return "the group is full";
    case errc::non_empty_group:
      return "the group has members";
    case errc::subscribed_to_topic:
      return "the group is subscribed to the topic";
    case errc::metadata_too_large:
      return "the metadata committed with the offset is too large";
    case errc::commit_too_large:
      return "the request needs more records than one batch may hold";
    case errc::unknown_topic_or_partition:
      return "there is no such topic or partition";
    case errc::unknown_topic_id:
      return "there is no topic with that id";
    case errc::fenced_member_epoch:
      return "the member epoch is not the member's any more";
    case errc::stale_member_epoch:
      return "the member epoch is not the member's present one";
    case errc::unsupported_assignor:
      return "the broker has no such assignor";
    case errc::invalid_pattern:
      return "the pattern of topics is not a regular expression of RE2";
    case errc::invalid_request:
      return "the request makes no sense";
    case errc::unstable_offset:
      return "a transaction holds the offset";
    case errc::invalid_producer_id_mapping:
      return "the transactional id is not known, or not with that producer id";
    case errc::producer_fenced:
      return "a later producer uses the transactional id, or its transaction was aborted";
    case errc::concurrent_transactions:
      return "the producer's last transaction is still ending";
    case errc::invalid_transaction_state:
      return "the transaction is not in a state that this can be asked of";
    case errc::invalid_transaction_timeout:
      return "the transaction timeout is not above 0, or above transaction.max.timeout.ms";
    case errc::transactional_id_not_found:
      return "there is no such transactional id";
    case errc::needs_producer_id:
      return "a new producer id is needed";
  }
  return "unknown coordinator error";
}

}  // namespace

const std::error_category& group_category() {
  static const error_names names;
  return names;
}

std::error_code make_error_code(errc code) {
  return {static_cast<int>(code), group_category()};
}

}  // namespace tidelog::coordinator
