#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "mutex.h"

namespace overlapped {

// Makes a thread that runs `body`. Throws std::system_error if the system makes none.
using ThreadFactory = std::function<std::thread(std::function<void()>)>;

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
