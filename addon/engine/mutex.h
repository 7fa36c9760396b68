#pragma once

#include <chrono>
#include <mutex>
#include <utility>

#ifdef _WIN32
#include <algorithm>
#include <cstdint>

#include "result.h"
#else
#include <condition_variable>
#endif

namespace overlapped {

#ifdef _WIN32
class ConditionVariable;

// SRWLOCK and CONDITION_VARIABLE in the shape of std::mutex and std::condition_variable. The C++
// library of MinGW builds these on winpthreads, whose condition variable makes several kernel calls
// for each thread that it wakes; CONDITION_VARIABLE makes one.
// https://learn.microsoft.com/windows/win32/sync/condition-variables
class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() { AcquireSRWLockExclusive(&lock_); }
  bool try_lock() { return TryAcquireSRWLockExclusive(&lock_) != 0; }
  void unlock() { ReleaseSRWLockExclusive(&lock_); }

 private:
  friend class ConditionVariable;
  SRWLOCK lock_ = SRWLOCK_INIT;
};

class ConditionVariable {
 public:
  using Clock = std::chrono::steady_clock;

  ConditionVariable() = default;
  ConditionVariable(const ConditionVariable&) = delete;
  ConditionVariable& operator=(const ConditionVariable&) = delete;

  void notify_one() { WakeConditionVariable(&variable_); }
  void notify_all() { WakeAllConditionVariable(&variable_); }

  template <typename Done>
  void wait(std::unique_lock<Mutex>& lock, Done done) {
    while (!done()) sleep(lock, INFINITE);
  }

  // Returns done(), which may still be false once `deadline` has passed.
  template <typename Done>
  bool wait_until(std::unique_lock<Mutex>& lock, Clock::time_point deadline, Done done) {
    while (!done()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return done();
      sleep(lock, static_cast<DWORD>(std::min<int64_t>(left.count(), kSleepMsMax)));
    }
    return true;
  }

  template <typename Done>
  bool wait_for(std::unique_lock<Mutex>& lock, Clock::duration time, Done done) {
    return wait_until(lock, Clock::now() + time, std::move(done));
  }

 private:
  static constexpr int64_t kSleepMsMax = 24 * 60 * 60 * 1000;

  void sleep(std::unique_lock<Mutex>& lock, DWORD ms) {
    SleepConditionVariableSRW(&variable_, &lock.mutex()->lock_, ms, 0);
  }

  CONDITION_VARIABLE variable_ = CONDITION_VARIABLE_INIT;
};
#else
using Mutex = std::mutex;
using ConditionVariable = std::condition_variable;
#endif

using Lock = std::unique_lock<Mutex>;

}  // namespace overlapped
