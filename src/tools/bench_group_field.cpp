#include "bench_group.hpp"

#include "tidelog/base/uuid.hpp"
#include "tidelog/client/group_admin.hpp"

namespace tidelog::tools {

base::result<group_field> group_field::prepare(client::cluster& cluster, const bench_options& wanted) {
  group_field made(cluster);
  TIDELOG_TRY(const auto partitions, ensure_topic(cluster, wanted));
  TIDELOG_TRY(const auto* const topic, cluster.topic(wanted.topic));
  made.topic_ = wanted.topic;
  made.topic_id_ = topic->id;
  made.partition_count_ = static_cast<std::int32_t>(partitions.size());
  made.prefix_ = "tidelog-bench-" + base::random_uuid().text();
  const std::vector<std::string> groups{made.group_id(0)};
  TIDELOG_TRY(const auto coordinators, client::find_coordinators(cluster, groups));
  for (const auto& broker : cluster.brokers())
    if (broker.id == coordinators.at(groups.front())) made.coordinator_ = broker.address;
  // An answer comes when the coordinator has loaded what there is.
  TIDELOG_TRY(const auto nothing, client::fetch_all_committed(cluster, groups.front()));
  return made;
}

base::result<std::unique_ptr<client::connection>> group_field::connect() const {
  return client::connection::open(coordinator_, cluster_->options().connection);
}

base::result<std::vector<std::unique_ptr<client::connection>>> group_field::connect(std::size_t count) const {
  std::vector<std::unique_ptr<client::connection>> opened;
  opened.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    TIDELOG_TRY(auto one, connect());
    opened.push_back(std::move(one));
  }
  return opened;
}

base::status group_field::delete_groups(std::size_t count) const {
  constexpr std::size_t most_at_once = 500;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(group_id(i));
    if (ids.size() < most_at_once && i + 1 < count) continue;
    TIDELOG_TRY(const auto outcomes, client::delete_groups(*cluster_, ids));
    for (const auto& [id, code] : outcomes) {
      // What held nothing is gone by itself.
      if (code != protocol::error_code::group_id_not_found)
        TIDELOG_DO(client::check_answer(code, fmt::format("deleting group {}", id)));
    }
    ids.clear();
  }
  return {};
}

base::status join_groups(const group_field& field, const bench_options& wanted,
                         const std::vector<std::unique_ptr<client::connection>>& connections,
                         std::size_t first, std::size_t end, std::vector<classic_bench_group>& into) {
  const auto sets = connections.size() / wanted.member_count;
  for (auto i = first; i < end; ++i) {
    std::vector<client::connection*> own;
    for (std::size_t member = 0; member < wanted.member_count; ++member)
      own.push_back(connections[i % sets * wanted.member_count + member].get());
    classic_bench_group group(field.group_id(i), field, std::move(own));
    TIDELOG_DO(group.join());
    into.push_back(std::move(group));
  }
  return {};
}

std::function<base::status(base::byte_span)> check_error_code_at(std::size_t position, std::string what) {
  return [position, what = std::move(what)](base::byte_span answer) -> base::status {
    if (answer.size() < position + sizeof(std::int16_t))
      return base::fail(client::client_errc::malformed_answer, "{}", what);
    const auto code = base::load_big_endian<std::int16_t>(answer.data() + position);
    return client::check_answer(static_cast<protocol::error_code>(code), what);
  };
}

}  // namespace tidelog::tools
