#pragma once

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "interrupt.h"
#include "mutex.h"

namespace overlapped {

// The interruptible part of a worker thread.
struct InterruptTarget {
  ThreadInterrupt interrupt;
  uint64_t execution = 0;  // its number; 0 while the thread executes nothing
};

// Ends blocking calls of worker threads. It repeats each interrupt until the execution it is meant
// for is over: one that came before the system call began would else be lost. `mutex` is its
// owner's, and guards the `execution` of every target: an interrupt is sent while it is held, so
// it never meets a later execution. The thread that repeats is made when first needed.
class Interrupter {
 public:
  explicit Interrupter(Mutex& mutex) : mutex_(mutex) {}
  ~Interrupter();  // without the mutex
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;

  // Both are called with the mutex held.
  void add(InterruptTarget& target);
  // Ends without waiting for the thread. This object must never be freed then.
  void abandon();

 private:
  // The number tells an execution from a later one on the same thread.
  struct Pending {
    InterruptTarget* target;
    uint64_t execution;
  };

  void run();

  Mutex& mutex_;
  ConditionVariable changed_;
  std::vector<Pending> pending_;
  std::thread thread_;
  std::chrono::milliseconds period_{0};
  bool stopping_ = false;
};

}  // namespace overlapped
