#include "metadata_view.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace tidelog::tools {

void metadata_view::apply(const nlohmann::json& record) {
  const auto fields = record.find("fields");
  const auto name = record.find("name");
  if (fields == record.end() || name == record.end()) return;
  if (*name == "Topic") {
    topics_[fields->at("name").get<std::string>()] = fields->at("topicId").get<std::string>();
  } else if (*name == "RemoveTopic") {
    const auto id = fields->at("topicId").get<std::string>();
    std::erase_if(topics_, [&](const auto& topic) {
      if (topic.second != id) return false;
      compacted_.erase(topic.first);
      return true;
    });
  } else if (*name == "Config" && fields->at("name") == "cleanup.policy") {
    constexpr int topic_resource = 2;
    if (fields->at("resourceType") != topic_resource) return;
    const auto topic = fields->at("resourceName").get<std::string>();
    // A log that was compacted once keeps its gaps, so that taking the policy back changes nothing.
    const auto& policy = fields->at("value");
    if (policy.is_string() && policy.get<std::string>().find("compact") != std::string::npos)
      compacted_.insert(topic);
  }
}

std::optional<std::string> metadata_view::id_of(const std::string& topic) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace tidelog::tools
