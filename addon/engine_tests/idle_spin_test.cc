#include <chrono>
#include <thread>
#include <vector>

#include "harness.h"
#include "idle_spin.h"
#include "test.h"
#include "workers/idle_workers.h"

namespace overlapped::testing {

namespace {

using std::chrono::microseconds;
using Duration = IdleSpin::Duration;

constexpr microseconds kWake{40};
constexpr microseconds kShort{5};
constexpr microseconds kLong{1000};

bool is_looking(const IdleSpin& spin) { return spin.limit() > Duration::zero(); }

// Every wake-up takes kWake.
IdleSpin measured() {
  IdleSpin spin;
  for (int i = 0; i < 100; ++i) spin.note_wake(kWake);
  return spin;
}

// Brings short pauses until the thread looks for work; returns their number.
int pauses_before_trial(IdleSpin& spin) {
  int pauses = 0;
  for (; !is_looking(spin) && pauses < 10 * IdleSpin::kPausesMax; ++pauses) spin.note_work(kShort);
  return pauses;
}

int failures_before_sleep(IdleSpin& spin) {
  int failures = 0;
  for (; is_looking(spin) && failures < 100; ++failures) spin.note_failure();
  return failures;
}

TEST(an_idle_thread_sleeps_at_once_until_wakes_have_been_measured) {
  IdleSpin spin;
  for (int i = 0; i < 1000; ++i) spin.note_work(kShort);
  CHECK(!is_looking(spin));
}

TEST(an_idle_thread_sleeps_at_once_after_long_pauses) {
  IdleSpin spin = measured();
  for (int i = 0; i < 1000; ++i) spin.note_work(kLong);
  CHECK(!is_looking(spin));
}

TEST(an_idle_thread_looks_for_work_while_that_takes_less_time_than_a_wake) {
  IdleSpin spin = measured();
  CHECK_EQUAL(pauses_before_trial(spin), IdleSpin::kPausesMin);
  for (int i = 0; i < 1000; ++i) spin.note_work(kWake / 2);
  CHECK(is_looking(spin));
  CHECK(spin.limit() <= 2 * kWake);
  // A pause that is long for once, as that of a garbage collection, changes nothing.
  spin.note_failure();
  CHECK(is_looking(spin));
}

TEST(an_idle_thread_sleeps_again_when_looking_takes_longer_than_a_wake) {
  IdleSpin spin = measured();
  (void)pauses_before_trial(spin);
  CHECK(failures_before_sleep(spin) < 10);
}

TEST(trials_become_rare_while_they_fail_and_frequent_after_a_success) {
  IdleSpin spin = measured();
  int before = pauses_before_trial(spin);
  for (int i = 0; i < 3; ++i) {
    (void)failures_before_sleep(spin);
    const int pauses = pauses_before_trial(spin);
    CHECK_EQUAL(pauses, 2 * before);
    before = pauses;
  }
  for (int i = 0; i < 20; ++i) {
    (void)failures_before_sleep(spin);
    (void)pauses_before_trial(spin);
  }
  (void)failures_before_sleep(spin);
  CHECK_EQUAL(pauses_before_trial(spin), IdleSpin::kPausesMax);
  for (int i = 0; i < 1000; ++i) spin.note_work(kShort);
  (void)failures_before_sleep(spin);
  CHECK_EQUAL(pauses_before_trial(spin), IdleSpin::kPausesMin);
}

TEST(a_thread_that_waited_for_a_processor_does_not_make_wakes_seem_dear) {
  IdleSpin spin;
  for (int i = 0; i < 100; ++i) spin.note_wake(std::chrono::seconds(1));
  (void)pauses_before_trial(spin);
  CHECK(is_looking(spin));
  CHECK(spin.limit() <= 2 * IdleSpin::kWakeCostMax);
}

TEST(spinning_ends_at_its_limit_without_a_flag) {
  const std::atomic<bool> flag{false};
  const auto start = IdleSpin::Clock::now();
  spin_until(flag, microseconds(200));
  CHECK(IdleSpin::Clock::now() - start >= microseconds(200));
}

// A worker that looks for work and the thread that calls it take turns in any order.
TEST(every_call_of_an_idle_worker_reaches_it) {
  constexpr int kCalls = 20'000;
  Mutex mutex;
  IdleWorkers idle;
  Sleeper worker;
  bool stopping = false;
  int served = 0;
  std::thread thread([&] {
    Lock lock(mutex);
    while (!stopping) {
      idle.wait(worker, stopping, lock);
      if (!worker.is_woken) continue;
      worker.is_woken = false;
      ++served;
    }
  });
  for (int called = 0; called < kCalls;) {
    Sleeper* sleeping = nullptr;
    {
      Lock lock(mutex);
      if (!idle.empty()) {
        sleeping = idle.call();
        ++called;
      }
    }
    if (sleeping) sleeping->work.notify_one();
  }
  for (;;) {
    Lock lock(mutex);
    if (served < kCalls) continue;
    stopping = true;
    break;
  }
  worker.work.notify_one();
  thread.join();
  CHECK_EQUAL(served, kCalls);
}

}  // namespace

}  // namespace overlapped::testing
