#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "mutex.h"

namespace overlapped {

// Makes a thread that runs `body`. Throws std::system_error if the system makes none.
using ThreadFactory = std::function<std::thread(std::function<void()>)>;

// Tells whether a thread is stuck in its execution. Its owner's mutex guards it.
class StuckDetector {
 public:
  // Called at each tick of a watchdog with the number of the thread's execution; 0 if it has none.
  // Returns true once for an execution that has lasted for kTicks.
  bool find_stuck(uint64_t execution);
  // Called when the execution has ended. Returns whether it was found to be stuck.
  bool end_execution();
  bool is_stuck() const { return is_stuck_; }

 private:
  static constexpr int kTicks = 10;

  uint64_t seen_execution_ = 0;
  int seen_times_ = 0;
  bool is_stuck_ = false;
};

// Calls `tick` every period while that asks for more, on a thread made when it is first needed.
// `mutex` is the owner's: it is held during `tick`, which may release it for a while.
class Watchdog {
 public:
  // Returns whether there is still work to watch.
  using Tick = std::function<bool(Lock&)>;

  Watchdog(Mutex& mutex, Tick tick) : mutex_(mutex), tick_(std::move(tick)) {}
  ~Watchdog();  // without the mutex
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Both are called with the mutex held. Returns false if the system makes no thread.
  bool arm(const ThreadFactory& factory);
  // The thread ends by itself some time later. This object must never be freed then.
  void abandon();

 private:
  void run();

  Mutex& mutex_;
  const Tick tick_;
  ConditionVariable changed_;
  std::thread thread_;
  bool armed_ = false;
  bool stopping_ = false;
};

}  // namespace overlapped
