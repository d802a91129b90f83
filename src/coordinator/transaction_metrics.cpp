#include "transaction_metrics.hpp"

#include <array>
#include <utility>

namespace tidelog::coordinator {
namespace {

struct named_status {
  transaction_status status;
  const char* name;
};
constexpr std::array<named_status, transaction_counts::statuses> statuses{{
    {transaction_status::empty, "empty"},
    {transaction_status::ongoing, "ongoing"},
    {transaction_status::prepare_commit, "prepare_commit"},
    {transaction_status::prepare_abort, "prepare_abort"},
    {transaction_status::complete_commit, "complete_commit"},
    {transaction_status::complete_abort, "complete_abort"},
}};

}  // namespace

transaction_metrics::transaction_metrics(metrics::registry& registry, const base::clock& clock,
                                         std::function<transaction_census()> take_census)
    : recent_(clock, std::move(take_census)) {
  for (const auto& [status, name] : statuses) {
    series_.push_back(registry.add_callback_gauge(
        "tidelog_transactional_ids", "Transactional ids by the state of their transaction.",
        {{"state", name}}, [this, at = static_cast<std::size_t>(status)] {
          return static_cast<double>(recent_.get()->counts.ids[at]);
        }));
  }
  const auto add_counter = [&](const char* outcome, std::uint64_t transaction_counts::*which) {
    series_.push_back(registry.add_callback_counter(
        "tidelog_transactions", "Transactions that have ended; timed_out are among the aborted.",
        {{"outcome", outcome}}, [this, which] { return static_cast<double>(recent_.get()->counts.*which); }));
  };
  add_counter("committed", &transaction_counts::committed);
  add_counter("aborted", &transaction_counts::aborted);
  add_counter("timed_out", &transaction_counts::timed_out);
  series_.push_back(registry.add_callback_gauge(
      "tidelog_transaction_partitions_loading", "Partitions of transactions that are being read.", {},
      [this] { return static_cast<double>(recent_.get()->partitions_loading); }));
  series_.push_back(registry.add_callback_gauge(
      "tidelog_transaction_markers_waiting",
      "Partitions that could not take the marker of a decided transaction so far.", {},
      [this] { return static_cast<double>(recent_.get()->markers_waiting); }));
}

}  // namespace tidelog::coordinator
