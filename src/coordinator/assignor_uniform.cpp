#include "assignor_uniform.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace tidelog::coordinator {
namespace {

constexpr std::uint32_t nobody = UINT32_MAX;
/// How many pairs of topic and subscriber the search for a better balance looks at, at most: a fraction of a second.
constexpr std::size_t max_search_steps = 50'000'000;

struct partition_place {
  std::uint32_t topic;
  std::int32_t index;
};

/// Who has what, while it is being made.
class ownership {
 public:
  explicit ownership(const assignor_input& input) : input_(input) {
    owners_.reserve(input.topics.size());
    for (const auto& topic : input.topics) {
      owners_.emplace_back(static_cast<std::size_t>(std::max(topic.partition_count, 0)), nobody);
    }
  }

  [[nodiscard]] std::uint32_t& owner(const partition_place& at) {
    return owners_[at.topic][static_cast<std::size_t>(at.index)];
  }

  /// What a member had before, still may have, and nobody took yet; in order.
  [[nodiscard]] std::vector<partition_place> still_valid(std::uint32_t member) {
    std::vector<partition_place> result;
    const auto& who = input_.members[member];
    if (who.previous == nullptr) return result;
    for (const auto topic : who.topics) {
      const auto at = who.previous->find(input_.topics[topic].id);
      if (at == who.previous->end()) continue;
      for (const auto index : at->second) {
        const bool exists = index >= 0 && index < input_.topics[topic].partition_count;
        if (exists && owner({topic, index}) == nobody) result.push_back({topic, index});
      }
    }
    return result;
  }

  [[nodiscard]] assignor_output result() const {
    assignor_output output(input_.members.size());
    for (std::size_t topic = 0; topic < owners_.size(); ++topic) {
      const auto& owners = owners_[topic];
      for (std::size_t index = 0; index < owners.size(); ++index) {
        if (owners[index] == nobody) continue;
        output[owners[index]][input_.topics[topic].id].push_back(static_cast<std::int32_t>(index));
      }
    }
    return output;
  }

  template <class Visit>
  void for_each_free(const std::vector<std::uint32_t>& topics, Visit visit) {
    for (const auto topic : topics) {
      for (std::int32_t index = 0; index < input_.topics[topic].partition_count; ++index) {
        if (owner({topic, index}) == nobody) visit(partition_place{topic, index});
      }
    }
  }

 private:
  const assignor_input& input_;
  std::vector<std::vector<std::uint32_t>> owners_;
};

bool all_subscribe_alike(const assignor_input& input) {
  return std::all_of(input.members.begin(), input.members.end(), [&](const assignor_member& member) {
    return member.topics == input.members.front().topics;
  });
}

assignor_output assign_alike(const assignor_input& input) {
  ownership owned(input);
  const auto& topics = input.members.front().topics;
  const auto total = std::accumulate(
      topics.begin(), topics.end(), std::size_t{0}, [&](std::size_t sum, std::uint32_t topic) {
        return sum + static_cast<std::size_t>(std::max(input.topics[topic].partition_count, 0));
      });
  const auto quota = total / input.members.size();
  auto with_one_more = total % input.members.size();

  // Who has more than the quota already comes first in being allowed one more.
  std::vector<std::size_t> room(input.members.size(), quota);
  std::vector<bool> may_have_one_more(input.members.size(), false);
  for (std::uint32_t member = 0; member < input.members.size(); ++member) {
    const auto before = owned.still_valid(member);
    if (before.size() > quota && with_one_more > 0) {
      may_have_one_more[member] = true;
      ++room[member];
      --with_one_more;
    }
    const auto kept = std::min(before.size(), room[member]);
    for (std::size_t at = 0; at < kept; ++at) owned.owner(before[at]) = member;
    room[member] -= kept;
  }
  for (std::size_t member = 0; member < input.members.size() && with_one_more > 0; ++member) {
    if (may_have_one_more[member]) continue;
    ++room[member];
    --with_one_more;
  }
  std::uint32_t next = 0;
  owned.for_each_free(topics, [&](const partition_place& at) {
    while (room[next] == 0) next = (next + 1) % static_cast<std::uint32_t>(room.size());
    owned.owner(at) = next;
    --room[next];
    next = (next + 1) % static_cast<std::uint32_t>(room.size());
  });
  return owned.result();
}

/// Subscriptions that differ.
class balancer {
 public:
  explicit balancer(const assignor_input& input)
      : input_(input),
        owned_(input),
        load_(input.members.size(), 0),
        held_(input.members.size()),
        subscribers_(input.topics.size()),
        reached_from_(input.members.size()),
        member_seen_(input.members.size(), 0),
        topic_seen_(input.topics.size(), 0) {
    for (std::uint32_t member = 0; member < input.members.size(); ++member) {
      for (const auto topic : input.members[member].topics) subscribers_[topic].push_back(member);
    }
  }

  [[nodiscard]] assignor_output assign() {
    keep();
    give_away_free_ones();
    even_out();
    return owned_.result();
  }

 private:
  struct hop {
    std::uint32_t from = nobody;
    std::uint32_t topic = 0;
  };

  void give(std::uint32_t member, const partition_place& at) {
    owned_.owner(at) = member;
    held_[member][at.topic].push_back(at.index);
    ++load_[member];
  }

  void keep() {
    for (std::uint32_t member = 0; member < input_.members.size(); ++member) {
      for (const auto& at : owned_.still_valid(member)) give(member, at);
    }
  }

  /// Topics with the fewest subscribers first: they leave the least choice.
  void give_away_free_ones() {
    std::vector<std::uint32_t> topics;
    for (std::uint32_t topic = 0; topic < subscribers_.size(); ++topic) {
      if (!subscribers_[topic].empty()) topics.push_back(topic);
    }
    std::stable_sort(topics.begin(), topics.end(), [&](std::uint32_t left, std::uint32_t right) {
      return subscribers_[left].size() < subscribers_[right].size();
    });
    owned_.for_each_free(topics, [&](const partition_place& at) {
      const auto& candidates = subscribers_[at.topic];
      const auto least = std::min_element(
          candidates.begin(), candidates.end(),
          [&](std::uint32_t left, std::uint32_t right) { return load_[left] < load_[right]; });
      give(*least, at);
    });
  }

  /// Looks from the member with most for one that has at least two less and that partitions can be handed on to. If
  /// there is none, no partition that the members found on the way have can ever be handed to a better place.
  void even_out() {
    std::set<std::pair<std::size_t, std::uint32_t>> open;
    for (std::uint32_t member = 0; member < load_.size(); ++member) open.emplace(load_[member], member);
    while (!open.empty() && steps_ < max_search_steps) {
      const auto from = open.rbegin()->second;
      const auto to = find_receiver(from);
      if (to == nobody) {
        for (const auto member : queue_) open.erase({load_[member], member});
        continue;
      }
      open.erase({load_[from], from});
      open.erase({load_[to], to});
      hand_on(from, to);
      open.emplace(load_[from], from);
      open.emplace(load_[to], to);
    }
  }

  /// Breadth first, so that as few partitions move as possible; queue_ has the members that were reached.
  [[nodiscard]] std::uint32_t find_receiver(std::uint32_t from) {
    ++round_;
    queue_.assign(1, from);
    member_seen_[from] = round_;
    for (std::size_t at = 0; at < queue_.size(); ++at) {
      const auto giver = queue_[at];
      for (const auto& [topic, partitions] : held_[giver]) {
        if (partitions.empty() || topic_seen_[topic] == round_) continue;
        topic_seen_[topic] = round_;
        const auto least = visit_subscribers(giver, topic);
        if (least != nobody && load_[least] + 2 <= load_[from]) return least;
      }
    }
    return nobody;
  }

  /// The one with least of those that were not reached before.
  [[nodiscard]] std::uint32_t visit_subscribers(std::uint32_t giver, std::uint32_t topic) {
    std::uint32_t least = nobody;
    steps_ += subscribers_[topic].size();
    for (const auto member : subscribers_[topic]) {
      if (member_seen_[member] == round_) continue;
      member_seen_[member] = round_;
      reached_from_[member] = {giver, topic};
      queue_.push_back(member);
      if (least == nobody || load_[member] < load_[least]) least = member;
    }
    return least;
  }

  void hand_on(std::uint32_t from, std::uint32_t to) {
    for (auto receiver = to; receiver != from;) {
      const auto [giver, topic] = reached_from_[receiver];
      auto& partitions = held_[giver][topic];
      const auto index = partitions.back();
      partitions.pop_back();
      --load_[giver];
      give(receiver, {topic, index});
      receiver = giver;
    }
  }

  const assignor_input& input_;
  ownership owned_;
  std::vector<std::size_t> load_;
  /// By member, by topic.
  std::vector<std::map<std::uint32_t, std::vector<std::int32_t>>> held_;
  std::vector<std::vector<std::uint32_t>> subscribers_;

  // Of the search that is going on.
  std::vector<hop> reached_from_;
  std::vector<std::uint32_t> member_seen_;
  std::vector<std::uint32_t> topic_seen_;
  std::vector<std::uint32_t> queue_;
  std::uint32_t round_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace

assignor_output assign_uniformly(const assignor_input& input) {
  if (input.members.empty()) return {};
  return all_subscribe_alike(input) ? assign_alike(input) : balancer(input).assign();
}

}  // namespace tidelog::coordinator
