#include "idle_spin.h"

#include <algorithm>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

namespace overlapped {

namespace {

constexpr int kMeanWeight = 8;
// A trial of this many spins has succeeded.
constexpr int kSpinsOfSuccess = 100;
// Reading the clock takes about as long as one look.
constexpr int kLooksPerClock = 8;

// Tells the processor that the thread waits in a loop.
void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#elif defined(_M_X64) || defined(_M_IX86)
  _mm_pause();
#elif defined(_M_ARM64)
  __yield();
#endif
}

}  // namespace

void IdleSpin::note_wake(Duration latency) {
  wake_cost_ += (std::min(latency, kWakeCostMax) - wake_cost_) / kMeanWeight;
}

void IdleSpin::note_work(Duration idle) {
  if (is_active_) {
    note_spin(std::min(idle, limit()));
  } else if (idle < 2 * wake_cost_ && --pauses_left_ <= 0) {
    is_active_ = true;
    spins_ = 0;
    spin_cost_ = Duration::zero();
  }
}

void IdleSpin::note_failure() { note_spin(limit()); }

void IdleSpin::note_spin(Duration spent) {
  spin_cost_ += (spent - spin_cost_) / kMeanWeight;
  if (spin_cost_ <= wake_cost_) {
    if (spins_ < kSpinsOfSuccess && ++spins_ == kSpinsOfSuccess) pauses_ = kPausesMin;
    return;
  }
  is_active_ = false;
  if (spins_ < kSpinsOfSuccess) pauses_ = std::min(2 * pauses_, kPausesMax);
  pauses_left_ = pauses_;
}

void spin_until(const std::atomic<bool>& flag, IdleSpin::Duration limit) {
  const auto end = IdleSpin::Clock::now() + limit;
  do {
    for (int i = 0; i < kLooksPerClock; ++i) {
      if (flag.load(std::memory_order_acquire)) return;
      relax();
    }
  } while (IdleSpin::Clock::now() < end);
}

}  // namespace overlapped
