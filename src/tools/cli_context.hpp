#pragma once
// What every command of `tidelog` works with.

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>

#include "tidelog/client/cluster.hpp"
#include "tidelog/tools/exit_code.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidelog::tools {

enum class output_format { human, json };

/// The global options, the command that was chosen, and the connection it uses.
class cli_context {
 public:
  std::string bootstrap = "localhost:9092";
  std::string timeout = "30s";
  output_format output = output_format::human;
  /// Set by the chosen command's callback, run once after parsing.
  std::function<base::status()> action;
  /// What a command that worked has found, for its exit code.
  exit_code found = exit_code::done;

  /// Connects when first asked. Fails with what helps: address, reason, advice.
  [[nodiscard]] base::result<client::cluster*> cluster();
  [[nodiscard]] bool wants_json() const { return output == output_format::json; }

 private:
  std::unique_ptr<client::cluster> cluster_;
};

void add_topic_commands(CLI::App& root, cli_context& context);
void add_config_commands(CLI::App& root, cli_context& context);
void add_produce_command(CLI::App& root, cli_context& context);
void add_consume_command(CLI::App& root, cli_context& context);
void add_offset_commands(CLI::App& root, cli_context& context);
void add_group_commands(CLI::App& root, cli_context& context);
void add_transaction_commands(CLI::App& root, cli_context& context);
void add_record_commands(CLI::App& root, cli_context& context);
void add_cluster_commands(CLI::App& root, cli_context& context);
void add_log_commands(CLI::App& root, cli_context& context);

/// "Examples:" and a line for each, for App::footer.
[[nodiscard]] std::string examples(std::initializer_list<std::string_view> lines);

/// Prints one JSON document and a newline.
[[nodiscard]] base::status print_json(const nlohmann::json& document);
/// Prints text as it is.
[[nodiscard]] base::status print_text(std::string_view text);
/// Prints columns aligned under their headings.
[[nodiscard]] base::status print_table(const std::vector<std::string>& headings,
                                       const std::vector<std::vector<std::string>>& rows);
/// Bytes that are UTF-8 as "name": text, others as "name_base64".
void put_bytes(nlohmann::json& into, const std::string& name, base::byte_view bytes);

/// "name=value". Fails with invalid_argument.
[[nodiscard]] base::result<std::pair<std::string, std::string>> split_pair(std::string_view text);

/// True once the user has pressed Ctrl-C or a supervisor has sent SIGTERM; watch_for_interrupt() must have been called
/// before.
[[nodiscard]] bool interrupted();
void watch_for_interrupt();

/// A line on stderr that is written over, about once a second and only on a terminal.
class progress_line {
 public:
  progress_line();
  ~progress_line();
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  [[nodiscard]] bool is_due();
  void show(std::string_view text);

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace tidelog::tools
