#pragma once
// The configuration as text for people: the annotated file and the reference page, both out of the table.

#include "tidelog/app/settings.hpp"

#include <string>

namespace tidelog::app {

/// The file that is installed: every key that has a meaning, explained, its default behind a comment sign.
[[nodiscard]] std::string default_config_file();
/// The same with the values that hold; what was set stands without the comment sign and with the default beside it.
[[nodiscard]] std::string annotated_config(const daemon_settings& settings);
/// docs/configuration.md
[[nodiscard]] std::string config_reference_page();

}  // namespace tidelog::app
