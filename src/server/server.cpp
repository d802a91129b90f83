#include "tidelog/server/server.hpp"

#include "api_table.hpp"
#include "broker.hpp"
#include "request.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/protocol/api_versions.hpp"

namespace tidelog::server {
namespace {

/// To a version of ApiVersions that is not served, the answer of version 0 names the versions that are; the client tries
/// again with one of them.
void answer_unknown_api_versions(const protocol::request_header& header, const api_row& row,
                                 protocol::responder answer) {
  protocol::api_versions_response refused;
  refused.error_code = protocol::error_code::unsupported_version;
  refused.api_keys.push_back({row.key, row.advertised_min, row.max});
  answer.answer(protocol::encode_response(header.correlation_id, refused, 0));
}

}  // namespace

server::server(const server_environment& environment, server_settings settings)
    : broker_(std::make_unique<broker>(environment, std::move(settings))) {}

server::~server() = default;

void server::connected(protocol::connection_info& connection) {
  connection.server_notes = std::make_shared<connection_notes>();
}

void server::disconnected(protocol::connection_info& connection) {
  connection.server_notes.reset();
}

void server::handle(protocol::connection_info& connection, protocol::request_frame frame,
                    protocol::responder answer) {
  const auto header = protocol::decode_request_header(frame.bytes);
  if (!header) {
    answer.close(fmt::format("the request's header cannot be decoded: {}", header.error().describe()));
    return;
  }
  const auto* const row = find_row(header->key);
  if (row == nullptr) {
    answer.close(fmt::format("API {} is not served", static_cast<int>(header->key)));
    return;
  }
  if (header->version < row->min || header->version > row->max) {
    if (header->key == protocol::api_key::api_versions) {
      answer_unknown_api_versions(*header, *row, std::move(answer));
    } else {
      answer.close(fmt::format("{} version {} is not served, only {} to {}", protocol::api_name(header->key),
                               header->version, row->min, row->max));
    }
    return;
  }
  row->handle(request(*broker_, connection, *header, std::move(frame), std::move(answer)));
}

void server::finish_waiting_fetches() {
  broker_->is_stopping.store(true);
  broker_->environment.partitions.wake_waiting_fetches();
}

void server::bring_back_what_had_no_room() {
  const auto& environment = broker_->environment;
  if (environment.space.is_full()) return;
  if (environment.cluster.is_out_of_room()) {
    const auto image = environment.cluster.reopen();
    if (!image) {
      base::say_error("the metadata log stays offline: {}", image.error().describe());
      return environment.space.note_lack_of_room(image.error());
    }
    base::say_info("the metadata log is online again");
    environment.partitions.apply(*image);
    environment.groups.apply(*image);
    environment.transactions.apply(*image);
  }
  const auto offline = environment.partitions.out_of_room_and_due();
  if (offline.empty()) return;
  if (const auto raised = broker_->raise_epochs(offline); !raised) {
    base::say_warning("{} partitions stay offline: {}", offline.size(), raised.error().describe());
    return;
  }
  for (const auto& each : offline) environment.partitions.reopen(each, [](const base::status&) {});
}

void server::update_config(const metadata::broker_config& config) {
  broker_->set_config(config);
}

void server::set_config_listener(std::function<void()> listener) {
  broker_->config_changed = std::move(listener);
}

std::vector<served_api> served_apis() {
  std::vector<served_api> all;
  for (const auto& row : api_table()) {
    all.push_back(
        {protocol::api_name(row.key), static_cast<std::int16_t>(row.key), row.advertised_min, row.max});
  }
  return all;
}

}  // namespace tidelog::server
