#pragma once
// The features of the cluster as clients see them. Clients switch protocols on the finalized levels, so a feature whose
// work is not done stays at 0 (absent), whatever the directory came with.

#include "tidelog/metadata/image.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace tidelog::server {

struct served_feature {
  std::string_view name;
  std::int16_t min_level;
  std::int16_t max_level;
};

/// The one list of what is served, by Kafka's names.
inline constexpr std::array<served_feature, 5> served_features{{
    {"eligible.leader.replicas.version", 0, 1},
    {"group.version", 0, 1},
    {"kraft.version", 0, 1},
    {"metadata.version", 7, 30},
    {"transaction.version", 0, 2},
}};

/// The level in force: what is finalized, but no more than is served.
[[nodiscard]] inline std::int16_t level_in_force(const metadata::image& image, const served_feature& of) {
  const auto finalized = image.feature_level(of.name);
  return finalized < of.max_level ? finalized : of.max_level;
}

}  // namespace tidelog::server
