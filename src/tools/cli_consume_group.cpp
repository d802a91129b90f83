#include "cli_consume.hpp"

#include "tidelog/client/group_member.hpp"

#include <cstdio>
#include <thread>

namespace tidelog::tools {
namespace {

client::group_member_options member_options(const consume_arguments& wanted) {
  client::group_member_options options;
  options.group = wanted.group;
  options.topics.push_back(wanted.topic);
  if (!wanted.instance_id.empty()) options.instance_id = wanted.instance_id;
  return options;
}

using positions = std::map<model::topic_partition, model::offset>;

/// Reads what the group assigns. What counts as read is what standard output has taken: after a failure records come
/// again, and none is passed over.
class group_consumption {
 public:
  group_consumption(client::cluster& cluster, const consume_arguments& wanted, const starting_point& start,
                    record_printer& printer)
      : cluster_(cluster),
        wanted_(wanted),
        start_(start),
        printer_(printer),
        fetcher_(cluster, fetch_options_of(wanted)),
        member_(cluster, member_options(wanted)) {}

  base::status run() {
    watch_for_interrupt();
    auto worked = work();
    // Also after a failure: what was written out is read, and the others need not wait for the session to end.
    if (const auto committed = commit(); worked && !committed) worked = tl::unexpected(committed.error());
    if (auto left = member_.leave(); worked && !left) worked = std::move(left);
    return worked;
  }

 private:
  using clock = std::chrono::steady_clock;

  base::status work() {
    // A topic that is not there would be waited for without a word.
    TIDELOG_DO(cluster_.topic(wanted_.topic));
    TIDELOG_DO(begin());
    while (!is_done() && !interrupted()) {
      TIDELOG_TRY(auto state, member_.keep_alive());
      if (state == client::membership::held) TIDELOG_DO(read());
      if (state == client::membership::held && clock::now() >= next_commit_) {
        TIDELOG_TRY(state, commit());
      }
      if (state == client::membership::held) continue;
      if (state == client::membership::rebalancing) TIDELOG_DO(commit());
      TIDELOG_DO(begin());
    }
    return {};
  }

  [[nodiscard]] bool is_done() const {
    return printer_.count() >= wanted_.count || (!wanted_.follow && !fetcher_.has_partitions());
  }

  base::status begin() {
    for (const auto& at : member_.assigned()) fetcher_.unassign(at);
    ends_.clear();
    written_.clear();
    committed_.clear();
    TIDELOG_DO(member_.join());
    next_commit_ = clock::now() + commit_interval;
    if (member_.assigned().empty()) return {};
    TIDELOG_TRY(const auto committed, client::fetch_committed(cluster_, wanted_.group, member_.assigned(),
                                                              client::undecided_offsets::waited_for));
    positions wishes;
    for (const auto& one : committed)
      if (one.offset != model::no_offset) wishes[one.at] = one.offset;
    committed_ = wishes;
    return assign(wishes);
  }

  /// Where there is no wish, or no such offset any more, reading begins where the command line says.
  base::status assign(const positions& wishes) {
    TIDELOG_TRY(const auto placed, place(cluster_, member_.assigned(), start_));
    for (const auto& one : placed) {
      auto from = one.from;
      if (const auto wish = wishes.find(one.at); wish != wishes.end()) {
        const bool is_there = wish->second >= one.begin && wish->second <= one.end;
        if (is_there) {
          from = wish->second;
        } else {
          std::fprintf(stderr, "tidelog: %s: offset %lld is not there, going on at %lld\n",
                       one.at.text().c_str(), static_cast<long long>(wish->second.value()),
                       static_cast<long long>(from.value()));
        }
      }
      ends_[one.at] = one.end;
      if (wanted_.follow || from < one.end) fetcher_.assign(one.at, from);
    }
    return {};
  }

  base::status read() {
    if (!fetcher_.has_partitions()) {
      // There are more members than partitions. One may come free at the next heartbeat.
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      return {};
    }
    const auto polled = fetcher_.poll([this](const client::fetched_record& record) { return take(record); });
    TIDELOG_DO(printer_.flush());
    for (const auto& at : member_.assigned())
      if (fetcher_.has(at)) written_[at] = fetcher_.position(at);
    if (!polled && polled.error().code == client::broker_error(protocol::error_code::offset_out_of_range))
      return assign(written_);
    if (!polled) return tl::unexpected(polled.error());
    if (!wanted_.follow) drop_finished(fetcher_, ends_);
    return {};
  }

  base::result<client::after_record> take(const client::fetched_record& record) {
    using client::after_record;
    if (printer_.count() == wanted_.count) return after_record::stop;
    TIDELOG_DO(printer_.add(record));
    return printer_.count() == wanted_.count ? after_record::stop : after_record::go_on;
  }

  base::result<client::membership> commit() {
    next_commit_ = clock::now() + commit_interval;
    std::vector<client::committed_offset> news;
    for (const auto& [at, position] : written_) {
      const auto known = committed_.find(at);
      if (known == committed_.end() || known->second != position)
        news.push_back({.at = at, .offset = position, .metadata = {}});
    }
    TIDELOG_TRY(const auto state, member_.commit(news));
    if (state == client::membership::held)
      for (const auto& one : news) committed_[one.at] = one.offset;
    return state;
  }

  static constexpr std::chrono::milliseconds commit_interval{1'000};

  client::cluster& cluster_;
  const consume_arguments& wanted_;
  const starting_point& start_;
  record_printer& printer_;
  client::fetcher fetcher_;
  client::group_member member_;
  positions ends_;
  positions written_;    ///< the next record that standard output has not taken
  positions committed_;  ///< what the group knows
  clock::time_point next_commit_;
};

}  // namespace

base::status consume_in_group(client::cluster& cluster, const consume_arguments& wanted,
                              const starting_point& start, record_printer& printer) {
  return group_consumption(cluster, wanted, start, printer).run();
}

}  // namespace tidelog::tools
