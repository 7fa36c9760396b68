#pragma once

#include <atomic>
#include <chrono>

namespace overlapped {

// Decides how long an idle thread looks for more work before it sleeps. Waking a thread whose
// processor has halted takes 25 to 40 us on virtual machines, and 10 to 15 us of processor time:
// more than most operations take. Where a program awaits one operation after another, a thread that
// stays awake for those few microseconds costs less than one that sleeps and is woken.
//
// Measurements decide. Looking is tried after a number of short pauses, and continues as long as it
// takes less time than waking does. A thread therefore rarely stays awake where waking is cheap,
// where operations take long, or where other threads need the processor. Each failed trial doubles
// the number of pauses before the next.
//
// The functions of an object are called by one thread at a time.
class IdleSpin {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = Clock::duration;

  // A longer latency means that the thread waited for a processor, or was busy itself.
  static constexpr Duration kWakeCostMax = std::chrono::microseconds(50);
  static constexpr int kPausesMin = 8;
  static constexpr int kPausesMax = 1024;

  // The time for which an idle thread looks for work; zero if it is to sleep at once.
  Duration limit() const { return is_active_ ? 2 * wake_cost_ : Duration::zero(); }
  // A sleeping thread ran this long after it was woken.
  void note_wake(Duration latency);
  // Work came for a thread that had been idle for this long.
  void note_work(Duration idle);
  // An idle thread looked for work until limit() was over, and found none.
  void note_failure();

 private:
  void note_spin(Duration spent);

  Duration wake_cost_{};  // both are moving means with a weight of 1/8
  Duration spin_cost_{};
  bool is_active_ = false;
  int spins_ = 0;            // since the last activation, up to those of a success
  int pauses_ = kPausesMin;  // short pauses before the next trial
  int pauses_left_ = kPausesMin;
};

// Looks at `flag` until it is set, without sleeping; gives up after `limit`.
void spin_until(const std::atomic<bool>& flag, IdleSpin::Duration limit);

}  // namespace overlapped
