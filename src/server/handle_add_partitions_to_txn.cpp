#include "gathering.hpp"
#include "handlers.hpp"
#include "topic_names.hpp"
#include "transaction_words.hpp"

#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/protocol/add_partitions_to_txn.hpp"

#include <algorithm>
#include <optional>

namespace tidelog::server {
namespace {

using protocol::error_code;
using asked_transaction = protocol::add_partitions_to_txn_request_transaction;
using rows = std::vector<protocol::add_partitions_to_txn_response_topic>;

/// From here on a request has any number of transactions, and may only ask whether partitions are in them.
constexpr std::int16_t many_since = 4;
constexpr std::int16_t fenced_since = 2;
constexpr std::int16_t abortable_since = 5;

template <class Code>
rows rows_of(const asked_transaction& asked, const Code& code_of) {
  rows made;
  for (const auto& topic : asked.topics) {
    auto& row = made.emplace_back();
    row.name = topic.name;
    for (const auto index : topic.partitions)
      row.results_by_partition.push_back({index, code_of(topic.name, index)});
  }
  return made;
}

/// With one partition that is refused none is added. Clients may not add those of the coordinators' topics.
std::optional<rows> refused_rows(const metadata::image& image, const asked_transaction& asked,
                                 std::int16_t version) {
  bool is_refused = false;
  auto made = rows_of(asked, [&](const std::string& topic, std::int32_t index) {
    auto code = error_code::operation_not_attempted;
    if (version < many_since && is_internal_topic(topic)) {
      code = error_code::topic_authorization_failed;
    } else if (!has_partition(image, topic, index)) {
      code = error_code::unknown_topic_or_partition;
    }
    is_refused |= code != error_code::operation_not_attempted;
    return code;
  });
  if (!is_refused) return std::nullopt;
  return made;
}

rows rows_of_answer(const asked_transaction& asked, const coordinator::add_partitions_answer& answer,
                    std::int16_t version) {
  return rows_of(asked, [&](const std::string& topic, std::int32_t index) {
    if (answer.error) return transaction_error_code(answer.error, version, fenced_since);
    const model::topic_partition where{topic, model::partition_index(index)};
    const bool is_missing = std::ranges::find(answer.missing, where) != answer.missing.end();
    return is_missing ? not_in_transaction(version, abortable_since) : error_code::none;
  });
}

void finish(request of, std::vector<asked_transaction> asked, std::vector<rows> answered) {
  protocol::add_partitions_to_txn_response response;
  if (of.version() < many_since) {
    response.results_by_topic_v3_and_below = std::move(answered.front());
  } else {
    for (std::size_t i = 0; i < asked.size(); ++i)
      response.results_by_transaction.push_back(
          {std::move(asked[i].transactional_id), std::move(answered[i])});
  }
  of.answer(response);
}

coordinator::add_partitions_request in_own_terms(const asked_transaction& asked,
                                                 coordinator::transaction_version version) {
  using missing = coordinator::add_partitions_request::missing;
  coordinator::add_partitions_request made;
  made.transactional_id = asked.transactional_id;
  made.producer = producer_identity_of(asked.producer_id, asked.producer_epoch);
  for (const auto& topic : asked.topics) made.topics.push_back({topic.name, topic.partitions});
  made.when_missing = asked.verify_only ? missing::refused : missing::added;
  made.version = version;
  return made;
}

}  // namespace

void handle_add_partitions_to_txn(request of, protocol::add_partitions_to_txn_request message) {
  of.release_frame();
  if (of.version() < many_since) {
    message.transactions.push_back({std::move(message.v3_and_below_transactional_id),
                                    message.v3_and_below_producer_id, message.v3_and_below_producer_epoch,
                                    false, std::move(message.v3_and_below_topics)});
  }
  const auto version = of.version();
  const auto image = of.image();
  auto& transactions = of.environment().transactions;
  // A client that adds partitions by itself ends its transactions without raising its epoch.
  const auto by_client = std::min(transactions.version(), coordinator::transaction_version::flexible_records);
  auto asked = message.transactions;
  const gathering<rows> answers(message.transactions.size(),
                                [of = std::move(of), asked = std::move(asked)](auto answered) mutable {
                                  finish(std::move(of), std::move(asked), std::move(answered));
                                });
  for (std::size_t i = 0; i < message.transactions.size(); ++i) {
    auto& each = message.transactions[i];
    if (auto refused = refused_rows(*image, each, version)) {
      answers.taker(i)(*std::move(refused));
      continue;
    }
    auto question = in_own_terms(each, by_client);
    transactions.add_partitions(std::move(question),
                                [each = std::move(each), version, take = answers.taker(i)](
                                    const coordinator::add_partitions_answer& answer) mutable {
                                  take(rows_of_answer(each, answer, version));
                                });
  }
}

}  // namespace tidelog::server
