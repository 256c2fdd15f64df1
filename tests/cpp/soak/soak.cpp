// Holds the whole: random configurations, valid and invalid, as many as are asked for. Ends in "N passed, N failed".
//
//   cairn_soak --valid 100000 --invalid 100000 --seed 1 --log soak.json
#include <fmt/format.h>

#include <unistd.h>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "cairn/result.h"
#include "soak/invalid.h"
#include "soak/valid.h"

namespace {

using cairn::soak::Log;
using Clock = std::chrono::steady_clock;

constexpr int kLongestCase = 120;  // seconds; a case that takes longer hangs

// What a crash or a hang leaves behind: which case it was.
char current_case[256] = "";  // NOLINT(cppcoreguidelines-avoid-c-arrays): read in a signal handler
std::atomic<Clock::rep> current_began{0};

void name_current(const char* kind, std::uint64_t seed) {
  fmt::format_to_n(std::begin(current_case), sizeof current_case - 1, "{} seed {}\n\0", kind, seed);
  current_began = Clock::now().time_since_epoch().count();
}

void tell_and_end(int signal) {
  [[maybe_unused]] const auto told = write(STDERR_FILENO, current_case, std::strlen(current_case));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void watch(const std::atomic<bool>& done) {
  while (!done) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const Clock::duration taken = Clock::now().time_since_epoch() - Clock::duration(current_began.load());
    if (taken > std::chrono::seconds(kLongestCase)) std::abort();
  }
}

template <class Run>
Log soak(const char* kind, std::int64_t count, std::uint64_t first, Run run) {
  Log log;
  auto told = Clock::now();
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(count); ++seed) {
    name_current(kind, seed);
    const auto began = Clock::now();
    std::string what;
    std::string wrong;
    try {
      wrong = run(seed, log, what);
    } catch (const std::exception& error) {
      wrong = error.what();
    }
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - began).count();
    if (seconds > log.slowest_seconds) log.slowest_seconds = seconds, log.slowest = what;
    wrong.empty() ? void(++log.passed)
                  : log.faults.push_back(fmt::format("{} seed {}: {}\n  {}", kind, seed, wrong, what));
    if (now - told > std::chrono::seconds(10)) {
      told = now;
      std::cerr << fmt::format("{}: {} of {}, {} failed\n", kind, seed - first + 1, count, log.faults.size());
    }
  }
  return log;
}

nlohmann::json to_json(const Log& log, double seconds) {
  return {{"configurations", log.passed + std::ssize(log.faults)},
          {"passed", log.passed},
          {"faults", log.faults},
          {"counts", log.counts},
          {"seconds", seconds},
          {"slowest", {{"seconds", log.slowest_seconds}, {"case", log.slowest}}}};
}

struct Arguments {
  std::int64_t valid = 500;
  std::int64_t invalid = 500;
  std::uint64_t seed = 1;
  std::string log;
};

// Throws std::invalid_argument for what is not understood: nothing is ignored.
Arguments read(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) throw std::invalid_argument(name + ": its value is missing");
    const std::string value = argv[i + 1];
    if (name == "--valid") {
      arguments.valid = std::stoll(value);
    } else if (name == "--invalid") {
      arguments.invalid = std::stoll(value);
    } else if (name == "--seed") {
      arguments.seed = std::stoull(value);
    } else if (name == "--log") {
      arguments.log = value;
    } else {
      throw std::invalid_argument(name + ": one of --valid, --invalid, --seed, --log");
    }
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments = read(argc, argv);
  for (const int signal : {SIGSEGV, SIGFPE, SIGABRT, SIGILL, SIGBUS}) std::signal(signal, tell_and_end);
  name_current("start", 0);
  std::atomic<bool> done = false;
  std::thread watcher([&] { watch(done); });
  const auto began = Clock::now();
  const Log valid = soak("valid", arguments.valid, arguments.seed, cairn::soak::run_valid);
  const auto between = Clock::now();
  const Log invalid = soak("invalid", arguments.invalid, arguments.seed, cairn::soak::run_invalid);
  const auto end = Clock::now();
  done = true;
  watcher.join();
  const auto seconds = [](auto span) { return std::chrono::duration<double>(span).count(); };
  if (!arguments.log.empty()) {
    const nlohmann::json document{{"schema", "cairn.soak/1"},
                                  {"version", cairn::version()},
                                  {"seed", arguments.seed},
                                  {"valid", to_json(valid, seconds(between - began))},
                                  {"invalid", to_json(invalid, seconds(end - between))}};
    std::ofstream(arguments.log) << document.dump(1) << "\n";
  }
  for (const Log* log : {&valid, &invalid}) {
    for (const std::string& fault : log->faults) std::cout << fault << "\n";
  }
  const auto failed = valid.faults.size() + invalid.faults.size();
  std::cout << fmt::format("{} passed, {} failed\n", valid.passed + invalid.passed, failed);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::invalid_argument& error) {
  std::cerr << error.what() << "\n";
  return EXIT_FAILURE;
}
