#include "daemon_process.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace tidelog::test {
namespace {

constexpr std::chrono::seconds start_patience{60};
constexpr const char* ready_mark = "ready on ";

/// The address behind the mark once its line is complete.
std::string address_in(const std::string& log) {
  const auto mark = log.find(ready_mark);
  if (mark == std::string::npos) return {};
  const auto begin = mark + std::string_view(ready_mark).size();
  const auto end = log.find_first_of(",\n", begin);
  return end == std::string::npos ? std::string{} : log.substr(begin, end - begin);
}

}  // namespace

daemon_process::daemon_process(std::filesystem::path program, std::filesystem::path data_directory)
    : program_(std::move(program)), data_directory_(std::move(data_directory)) {}

daemon_process::~daemon_process() {
  if (pid_ > 0) kill();
}

void daemon_process::spawn() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe");
  const std::string program = program_.string();
  const std::string directory = data_directory_.string();
  const std::array<const char*, 6> arguments{program.c_str(), "--data-dir",  directory.c_str(),
                                             "--listen",      "127.0.0.1:0", nullptr};
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::system_category(), "fork");
  if (pid_ == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    ::execv(program.c_str(), const_cast<char* const*>(arguments.data()));
    ::_exit(127);
  }
  ::close(pipe[1]);
  {
    const std::lock_guard lock(mutex_);
    log_.clear();
    log_ended_ = false;
  }
  reader_ = std::thread([this, from = pipe[0]] { read_log(from); });
}

void daemon_process::read_log(int descriptor) {
  std::array<char, 4096> piece{};
  while (true) {
    const auto got = ::read(descriptor, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    if (got > 0) log_.append(piece.data(), static_cast<std::size_t>(got));
    log_ended_ = got <= 0;
    changed_.notify_all();
    if (log_ended_) break;
  }
  ::close(descriptor);
}

std::string daemon_process::wait_until_ready() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, start_patience, [&] { return log_ended_ || !address_in(log_).empty(); });
  auto address = address_in(log_);
  if (address.empty()) throw std::runtime_error("tidelogd did not become ready");
  return address;
}

void daemon_process::kill() {
  ::kill(pid_, SIGKILL);
  reap();
}

void daemon_process::stop() {
  ::kill(pid_, SIGTERM);
  if (const int status = reap(); !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("tidelogd did not stop cleanly");
  }
}

int daemon_process::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  reader_.join();
  return status;
}

std::string daemon_process::log() {
  const std::lock_guard lock(mutex_);
  return log_;
}

}  // namespace tidelog::test
