#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "idle_spin.h"
#include "mutex.h"

namespace overlapped {

// The part of a worker that waits for work. The pool's mutex guards it.
struct Sleeper {
  ConditionVariable work;
  // The worker has been called and is not running yet. A worker that is awake reads `is_called`
  // instead, without the mutex.
  bool is_woken = false;
  std::atomic<bool> is_called{false};
  IdleSpin::Clock::time_point idle_since;
  IdleSpin::Clock::time_point called_at;
};

// The workers of a lane that have nothing to do. At most one of them is awake and looks for work;
// the others sleep. The pool's mutex guards them.
class IdleWorkers {
 public:
  bool empty() const { return idle_.empty(); }
  size_t size() const { return idle_.size(); }

  // Calls the worker that is awake, or else the last to fall asleep. Returns it if it has to be
  // notified, once the mutex has been released.
  Sleeper* call();
  // Returns when the worker has been called, or when `stopping` is true and it has been notified.
  void wait(Sleeper& worker, const bool& stopping, Lock& lock);

 private:
  void look_for_work(Sleeper& worker, Lock& lock);

  std::vector<Sleeper*> idle_;  // the next to be called is the last
  IdleSpin spin_;
  bool is_last_awake_ = false;
};

}  // namespace overlapped
