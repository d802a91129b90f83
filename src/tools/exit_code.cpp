#include "tidelog/tools/exit_code.hpp"

#include "tidelog/client/client_error.hpp"
#include "tidelog/model/batch_error.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <array>

namespace tidelog::tools {
namespace {

exit_code of_broker_answer(protocol::error_code code) {
  using enum protocol::error_code;
  switch (code) {
    case unknown_topic_or_partition:
    case unknown_topic_id:
    case resource_not_found:
    case group_id_not_found:
    case transactional_id_not_found:
    case offset_out_of_range:
      return exit_code::not_found;
    case topic_already_exists:
      return exit_code::exists;
    case request_timed_out:
      return exit_code::timed_out;
    case invalid_regular_expression:
      return exit_code::usage;
    default:
      return exit_code::failed;
  }
}

exit_code of_client_failure(client::client_errc code) {
  using enum client::client_errc;
  switch (code) {
    case bad_address:
      return exit_code::usage;
    case unknown_host:
    case no_broker:
    case connection_closed:
      return exit_code::unreachable;
    case unknown_topic:
    case unknown_partition:
      return exit_code::not_found;
    case timed_out:
      return exit_code::timed_out;
    case corrupt_batch:
      return exit_code::damaged;
    case malformed_answer:
    case unsupported_api:
    case no_leader:
      return exit_code::failed;
  }
  return exit_code::failed;
}

exit_code of_storage_failure(storage::errc code) {
  using enum storage::errc;
  switch (code) {
    case directory_locked:
      return exit_code::locked;
    case not_a_data_directory:
      return exit_code::usage;
    case corrupt_segment:
    case corrupt_index:
    case corrupt_snapshot:
    case corrupt_checkpoint:
    case corrupt_partition_metadata:
    case corrupt_meta_properties:
    case corrupt_journal:
      return exit_code::damaged;
    default:
      return exit_code::failed;
  }
}

}  // namespace

exit_code exit_code_of(const base::error& failure) {
  const auto& code = failure.code;
  if (code.category() == client::broker_category())
    return of_broker_answer(static_cast<protocol::error_code>(code.value()));
  if (code.category() == client::client_category())
    return of_client_failure(static_cast<client::client_errc>(code.value()));
  if (code.category() == storage::storage_category())
    return of_storage_failure(static_cast<storage::errc>(code.value()));
  if (code.category() == model::batch_category()) return exit_code::damaged;
  if (code == std::errc::invalid_argument) return exit_code::usage;
  if (code == std::errc::no_such_file_or_directory) return exit_code::not_found;
  if (code == std::errc::interrupted) return exit_code::interrupted;
  // Of what the system says, only failures of the network can be tried again.
  if (client::is_retriable(code)) return exit_code::unreachable;
  return exit_code::failed;
}

std::string exit_code_help() {
  struct row {
    int value;
    std::string_view meaning;
  };
  constexpr std::array rows{
#define TIDELOG_ROW(enumerator, value, meaning) row{value, meaning},
      TIDELOG_EXIT_CODES(TIDELOG_ROW)
#undef TIDELOG_ROW
  };
  std::string text = "Exit codes:\n";
  for (const auto& [value, meaning] : rows) text += fmt::format("  {:<4} {}\n", value, meaning);
  return text;
}

}  // namespace tidelog::tools
