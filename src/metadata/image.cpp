#include "tidelog/metadata/image.hpp"

#include <algorithm>

namespace tidelog::metadata {

topic_ptr image::topic(const std::string& name) const {
  const auto* found = by_name_.find(name);
  return found == nullptr ? nullptr : *found;
}

topic_ptr image::topic(const model::topic_id& id) const {
  const auto* found = by_id_.find(id);
  return found == nullptr ? nullptr : *found;
}

std::vector<topic_ptr> image::topics() const {
  std::vector<topic_ptr> all;
  all.reserve(by_name_.size());
  by_name_.for_each([&](const std::string&, const topic_ptr& topic) { all.push_back(topic); });
  std::sort(all.begin(), all.end(),
            [](const auto& left, const auto& right) { return left->name < right->name; });
  return all;
}

config_ptr image::config(const resource& of) const {
  static const auto nothing_set = std::make_shared<const config_map>();
  const auto* found = configs_.find(of);
  return found == nullptr ? nothing_set : *found;
}

std::vector<resource> image::configured_resources() const {
  std::vector<resource> all;
  configs_.for_each([&](const resource& of, const config_ptr& values) {
    if (!values->empty()) all.push_back(of);
  });
  std::sort(all.begin(), all.end());
  return all;
}

std::int16_t image::feature_level(std::string_view feature) const {
  const auto found = features_.find(feature);
  return found == features_.end() ? std::int16_t{0} : found->second;
}

}  // namespace tidelog::metadata
