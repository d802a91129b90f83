#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/tools/quantity.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <unistd.h>

namespace tidelog::tools {
namespace {

std::atomic<bool> interrupt_seen{false};
static_assert(std::atomic<bool>::is_always_lock_free);

std::string base64(base::byte_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < count ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) text += i <= count ? digits[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

}  // namespace

base::result<client::cluster*> cli_context::cluster() {
  if (cluster_) return cluster_.get();
  TIDELOG_TRY(auto addresses, client::parse_bootstrap(bootstrap));
  TIDELOG_TRY(const auto wait, parse_duration(timeout));
  client::cluster_options options;
  options.retry_for = wait;
  options.connection.request_timeout = wait;
  options.connection.connect_timeout = std::min(options.connection.connect_timeout, wait);
  options.connection.client_id = "tidelog-cli";
  options.is_given_up = interrupted;
  TIDELOG_TRY(cluster_, client::cluster::connect(std::move(addresses), options));
  return cluster_.get();
}

std::string examples(std::initializer_list<std::string_view> lines) {
  std::string text = "Examples:\n";
  for (const auto line : lines) text += fmt::format("  {}\n", line);
  return text;
}

base::status print_text(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return base::fail_errno(errno, "writing to standard output");
  return {};
}

base::status print_json(const nlohmann::json& document) {
  return print_text(document.dump() + "\n");
}

base::status print_table(const std::vector<std::string>& headings,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  widths.reserve(headings.size());
  for (const auto& heading : headings) widths.push_back(heading.size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  const auto add_row = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      text += last ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    text += '\n';
  };
  add_row(headings);
  for (const auto& row : rows) add_row(row);
  return print_text(text);
}

void put_bytes(nlohmann::json& into, const std::string& name, base::byte_view bytes) {
  const nlohmann::json text = std::string(base::as_text(bytes));
  try {
    // The library finds out whether it is UTF-8 only when it writes.
    static_cast<void>(text.dump());
    into[name] = text;
  } catch (const nlohmann::json::type_error&) {
    into[name + "_base64"] = base64(bytes);
  }
}

base::result<std::pair<std::string, std::string>> split_pair(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return base::fail(std::make_error_code(std::errc::invalid_argument), "\"{}\" is not NAME=VALUE", text);
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

bool interrupted() {
  return interrupt_seen.load(std::memory_order_relaxed);
}

void watch_for_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupt_seen.store(true, std::memory_order_relaxed); };
  // A second one ends the process whatever it is doing.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  // Supervisors say SIGTERM; also then a member of a group leaves it, and the others need not wait for its session.
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

progress_line::progress_line()
    : terminal_(::isatty(STDERR_FILENO) == 1),
      next_(std::chrono::steady_clock::now() + std::chrono::seconds(1)) {}

progress_line::~progress_line() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

bool progress_line::is_due() {
  if (!terminal_) return false;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return false;
  next_ = now + std::chrono::seconds(1);
  return true;
}

void progress_line::show(std::string_view text) {
  std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
  shown_ = true;
}

}  // namespace tidelog::tools
