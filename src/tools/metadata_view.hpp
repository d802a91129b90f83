#pragma once
// What the metadata log of a data directory says of its topics, as far as the check of the other logs wants it.

#include <nlohmann/json_fwd.hpp>

#include "tidelog/model/types.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace tidelog::tools {

class metadata_view {
 public:
  /// Takes an opened record of the metadata log or of a snapshot of it, in their order.
  void apply(const nlohmann::json& record);
  /// Without any, nothing can be said of a directory's topic.
  [[nodiscard]] bool is_known() const { return known_; }
  void set_known() { known_ = true; }
  /// As text; nothing for a topic that there is not.
  [[nodiscard]] std::optional<std::string> id_of(const std::string& topic) const;
  [[nodiscard]] bool is_compacted(const std::string& topic) const { return compacted_.contains(topic); }

 private:
  bool known_ = false;
  std::map<std::string, std::string> topics_;
  std::set<std::string> compacted_;
};

}  // namespace tidelog::tools
