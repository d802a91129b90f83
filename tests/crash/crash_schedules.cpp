// Runs seeded schedules of work, faults and stops (schedule.hpp) and tells what they came to.
//
//   crash_schedules [--scripts N] [--cuts N] [--seed N] [--jobs N]
//
// A script is a first life; it is run once to its end, and then again for each place at which it is cut: --cuts places
// chosen by its seed, 0 for each change of the disk that it makes. When a promise is broken, the last line says how to see
// it again:
//
//   crash_schedules --seed N --cut N

#include "schedule.hpp"

#include "tidelog/base/log_message.hpp"

#include <atomic>
#include <cstring>
#include <iostream>
#include <mutex>
#include <thread>

namespace tidelog::test {
namespace {

struct run_options {
  std::uint64_t scripts = 50;
  std::uint64_t cuts = 20;
  std::uint64_t seed = 0;
  std::uint64_t jobs = 1;
  std::optional<std::uint64_t> only_cut;
};

class schedules_run {
 public:
  explicit schedules_run(const run_options& options) : options_(options) {}

  [[nodiscard]] bool run() {
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < options_.jobs; ++i) threads.emplace_back([this] { run_scripts(); });
    for (auto& each : threads) each.join();
    if (failure_) std::cout << *failure_ << std::endl;
    return !failure_;
  }
  [[nodiscard]] const schedule_figures& figures() const { return total_; }

 private:
  void run_scripts() {
    schedule_figures mine;
    for (auto next = next_script_++; next < options_.scripts && !has_failed_; next = next_script_++)
      run_script(options_.seed + next, mine);
    const std::lock_guard lock(mutex_);
    total_.add(mine);
  }
  void run_script(std::uint64_t seed, schedule_figures& figures) {
    if (options_.only_cut) return run_one({seed, *options_.only_cut}, figures);
    const auto changes = count(seed);
    const auto cuts = options_.cuts == 0 ? changes : std::min(options_.cuts, changes);
    std::mt19937_64 random(seed);
    for (std::uint64_t i = 0; i < cuts && !has_failed_; ++i)
      run_one({seed, options_.cuts == 0 ? i : random() % changes}, figures);
  }
  std::uint64_t count(std::uint64_t seed) {
    try {
      return count_changes(seed);
    } catch (const std::exception& failure) {
      fail({seed, for_ever}, failure.what());
      return 0;
    }
  }
  void run_one(const schedule& what, schedule_figures& figures) {
    try {
      test::run(what, figures);
    } catch (const std::exception& failure) {
      fail(what, failure.what());
    }
  }
  void fail(const schedule& what, const char* failure) {
    const std::lock_guard lock(mutex_);
    has_failed_ = true;
    if (failure_) return;
    failure_ = fmt::format("{}\nsee it again with: crash_schedules --seed {} --cut {}", failure, what.seed,
                           what.cut);
  }

  const run_options options_;
  std::atomic<std::uint64_t> next_script_{0};
  std::atomic<bool> has_failed_{false};
  std::mutex mutex_;
  schedule_figures total_;
  std::optional<std::string> failure_;
};

run_options parse(int count, char** arguments) {
  run_options options;
  bool seeded = false;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    const auto value = std::stoull(arguments[i + 1]);
    if (name == "--scripts") {
      options.scripts = value;
    } else if (name == "--cuts") {
      options.cuts = value;
    } else if (name == "--seed") {
      options.seed = value;
      seeded = true;
    } else if (name == "--cut") {
      options.only_cut = value;
      options.scripts = 1;
    } else if (name == "--jobs") {
      options.jobs = value;
    } else {
      throw std::invalid_argument(
          fmt::format("no such option: {}; there are --scripts, --cuts, --seed, --cut and --jobs", name));
    }
  }
  if (!seeded) options.seed = std::random_device{}();
  return options;
}

void tell(const schedule_figures& figures, std::uint64_t seed) {
  std::cout << fmt::format(
      "{} schedules from seed {}: {} appends, {} power cuts, {} kills, {} stops during recovery, {} clean "
      "stops,\n"
      "{} failed operations, {} logs offline, {} checks of a log, {} bytes set aside\n",
      figures.schedules, seed, figures.appends, figures.power_cuts, figures.kills, figures.stops_in_recovery,
      figures.clean_stops, figures.failed_operations, figures.logs_offline, figures.checks,
      figures.bytes_set_aside);
  std::cout << "stops in the middle of:\n";
  for (const auto& [place, times] : figures.stopped_at) std::cout << fmt::format("{:8} {}\n", times, place);
}

int run_all(int count, char** arguments) {
  const auto options = parse(count, arguments);
  // What recovery has to say is expected here; a single schedule is run to be looked at.
  if (!options.only_cut)
    base::set_message_sink([](base::severity, std::string_view) {}, base::severity::error);
  schedules_run all(options);
  const bool kept = all.run();
  tell(all.figures(), options.seed);
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace tidelog::test

int main(int count, char** arguments) {
  try {
    return tidelog::test::run_all(count, arguments);
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 2;
  }
}
