#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine.h"
#include "test.h"

#ifndef _WIN32
#include <signal.h>
#endif

namespace overlapped::testing {

namespace {

using Clock = std::chrono::steady_clock;

// A test that takes longer has lost a completion: its name is printed, and the process ends.
constexpr auto kTestTimeMax = std::chrono::minutes(5);

struct Test {
  const char* name;
  TestBody body;
  EngineTestBody engine_body;  // exactly one of the two is not null
};

// A function-local static, because tests register before main() in any order.
std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

std::atomic<int> failed_checks{0};

class NoSink final : public CompletionSink {
 public:
  void complete(OperationList) override {}
};

// Ends the process if it is not fed in time.
class Watchdog {
 public:
  Watchdog() : thread_([this] { run(); }) {}
  ~Watchdog() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void feed(const std::string& name) {
    std::lock_guard lock(mutex_);
    name_ = name;
    deadline_ = Clock::now() + kTestTimeMax;
    changed_.notify_all();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      changed_.wait_until(lock, deadline_);
      if (stopping_ || Clock::now() < deadline_) continue;
      std::fprintf(stderr, "HANGS %s\n", name_.c_str());
      std::fflush(stderr);
      std::abort();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string name_;
  Clock::time_point deadline_ = Clock::now() + kTestTimeMax;
  bool stopping_ = false;
  std::thread thread_;
};

struct Totals {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
};

void run_test(const std::string& name, const Test& test, const std::string& engine,
              Totals& totals) {
  const int failed_before = failed_checks.load();
  const auto start = Clock::now();
  std::string skipped;
  try {
    if (test.body) {
      test.body();
    } else {
      test.engine_body(engine);
    }
  } catch (const Skip& skip) {
    skipped = skip.what();
  } catch (const Abandon&) {
    // The failure was counted where it was thrown.
  } catch (const std::exception& error) {
    report_failure(__FILE__, __LINE__, std::string("exception: ") + error.what());
  }
  const auto duration =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
  const bool failed = failed_checks.load() != failed_before;
  const bool is_skipped = !failed && !skipped.empty();
  ++(failed ? totals.failed : is_skipped ? totals.skipped : totals.passed);
  std::printf("%s %s (%lld ms)%s%s\n",
              failed       ? "FAILED"
              : is_skipped ? "skipped"
                           : "ok",
              name.c_str(), static_cast<long long>(duration), is_skipped ? ": " : "",
              is_skipped ? skipped.c_str() : "");
  std::fflush(stdout);
}

std::vector<std::string> find_engines() {
  std::vector<std::string> engines;
  NoSink sink;
  for (const char* name : {"iocp", "uring", "threadpool"}) {
    const EngineChoice choice = select_engine(name, sink);
    if (choice.engine) {
      engines.emplace_back(name);
    } else {
      std::printf("no %s: %s\n", name, choice.reason.c_str());
    }
  }
  return engines;
}

int run_all(const std::string& filter) {
  const std::vector<std::string> engines = find_engines();
  Watchdog watchdog;
  Totals totals;
  const auto run_if_wanted = [&](const Test& test, const std::string& engine) {
    const std::string name =
        engine.empty() ? std::string(test.name) : test.name + (" [" + engine + "]");
    if (name.find(filter) == std::string::npos) return;
    watchdog.feed(name);
    run_test(name, test, engine, totals);
  };
  for (const Test& test : tests()) {
    if (test.body) {
      run_if_wanted(test, "");
    } else {
      for (const std::string& engine : engines) run_if_wanted(test, engine);
    }
  }
  if (totals.skipped > 0) std::printf("%d skipped\n", totals.skipped);
  std::printf("%d passed, %d failed\n", totals.passed, totals.failed);
  // A filter that matches no test counts as a failure.
  return totals.failed == 0 && totals.passed + totals.skipped > 0 ? 0 : 1;
}

}  // namespace

bool add_test(const char* name, TestBody body) {
  tests().push_back({name, body, nullptr});
  return true;
}

bool add_engine_test(const char* name, EngineTestBody body) {
  tests().push_back({name, nullptr, body});
  return true;
}

void report_failure(const char* file, int line, const std::string& what) {
  ++failed_checks;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  std::fflush(stderr);
}

}  // namespace overlapped::testing

// The optional argument is a substring of the names of the tests to run, as they are printed.
int main(int argument_count, char** arguments) {
#ifndef _WIN32
  // As in Node: a write to a pipe without a reader is an error and does not end the process.
  signal(SIGPIPE, SIG_IGN);
#endif
  return overlapped::testing::run_all(argument_count > 1 ? arguments[1] : "");
}
