#include "errors.hpp"
#include "gathering.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/write_txn_markers.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

struct marker_place {
  model::transaction_end end;
  model::topic_partition where;
  /// In the answer.
  std::size_t marker;
  std::size_t topic;
  std::size_t row;
};

model::transaction_end end_of(const protocol::write_txn_markers_request_marker& marker) {
  return {
      model::producer_id(marker.producer_id), model::producer_epoch(marker.producer_epoch),
      marker.transaction_result ? model::transaction_outcome::committed : model::transaction_outcome::aborted,
      marker.coordinator_epoch};
}

}  // namespace

/// For tools that end a transaction which its coordinator does not know any more.
void handle_write_txn_markers(request of, protocol::write_txn_markers_request message) {
  of.release_frame();
  protocol::write_txn_markers_response response;
  std::vector<marker_place> places;
  for (const auto& marker : message.markers) {
    auto& answer = response.markers.emplace_back();
    answer.producer_id = marker.producer_id;
    for (const auto& topic : marker.topics) {
      auto& rows = answer.topics.emplace_back();
      rows.name = topic.name;
      for (const auto index : topic.partition_indexes) {
        places.push_back({end_of(marker),
                          {topic.name, model::partition_index(index)},
                          response.markers.size() - 1,
                          answer.topics.size() - 1,
                          rows.partitions.size()});
        rows.partitions.push_back({index, error_code::none});
      }
    }
  }
  auto& transactions = of.environment().transactions;
  const auto asked = places;
  const gathering<std::error_code> outcomes(
      asked.size(), [of = std::move(of), response = std::move(response),
                     places = std::move(places)](const auto& errors) mutable {
        for (std::size_t i = 0; i < errors.size(); ++i) {
          const auto& [end, where, marker, topic, row] = places[i];
          response.markers[marker].topics[topic].partitions[row].error_code = error_code_of(errors[i]);
        }
        of.answer(response);
      });
  for (std::size_t i = 0; i < asked.size(); ++i)
    transactions.write_marker(asked[i].where, asked[i].end, outcomes.taker(i));
}

}  // namespace tidelog::server
