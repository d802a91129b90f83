#include "api_table.hpp"
#include "features.hpp"
#include "handlers.hpp"

#include "tidelog/protocol/api_versions.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

using protocol::error_code;

constexpr std::int16_t first_version_with_software = 3;
constexpr std::int16_t first_version_with_features_from_zero = 4;

/// Letters and digits, and '-' and '.' within, as in KIP-511.
bool is_software_word(std::string_view text) {
  const auto is_plain = [](char symbol) {
    return (symbol >= 'a' && symbol <= 'z') || (symbol >= 'A' && symbol <= 'Z') ||
           (symbol >= '0' && symbol <= '9');
  };
  if (text.empty() || !is_plain(text.front()) || !is_plain(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char symbol) { return is_plain(symbol) || symbol == '-' || symbol == '.'; });
}

void add_features(const request& of, protocol::api_versions_response& answer) {
  const auto image = of.image();
  for (const auto& feature : served_features) {
    // Older clients take a lower bound of 0 for a fault of the server.
    if (feature.min_level == 0 && of.version() < first_version_with_features_from_zero) continue;
    answer.supported_features.push_back({std::string(feature.name), feature.min_level, feature.max_level});
  }
  for (const auto& feature : served_features) {
    const auto level = level_in_force(*image, feature);
    if (level > 0) answer.finalized_features.push_back({std::string(feature.name), level, level});
  }
  answer.finalized_features_epoch = image->last_offset().value();
}

}  // namespace

void handle_api_versions(request of, protocol::api_versions_request message) {
  protocol::api_versions_response answer;
  if (of.version() >= first_version_with_software) {
    if (!is_software_word(message.client_software_name) ||
        !is_software_word(message.client_software_version)) {
      answer.error_code = error_code::invalid_request;
      of.answer(answer);
      return;
    }
    of.connection().client_software_name = std::move(message.client_software_name);
    of.connection().client_software_version = std::move(message.client_software_version);
  }
  for (const auto& row : api_table()) answer.api_keys.push_back({row.key, row.advertised_min, row.max});
  add_features(of, answer);
  of.answer(answer);
}

}  // namespace tidelog::server
