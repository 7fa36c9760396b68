#include "watchdog.h"

#include <system_error>
#include <utility>

namespace overlapped {

namespace {

constexpr auto kPeriod = std::chrono::milliseconds(10);
// The thread keeps its period for so many idle ticks: waking it costs more than these.
constexpr int kIdleTicksMax = 10;

}  // namespace

bool StuckDetector::find_stuck(uint64_t execution) {
  const bool is_same = execution != 0 && execution == seen_execution_;
  seen_times_ = is_same ? seen_times_ + 1 : 0;
  seen_execution_ = execution;
  if (seen_times_ < kTicks || is_stuck_) return false;
  is_stuck_ = true;
  return true;
}

bool StuckDetector::end_execution() { return std::exchange(is_stuck_, false); }

Watchdog::~Watchdog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::abandon() {
  stopping_ = true;
  changed_.notify_all();
  if (thread_.joinable()) thread_.detach();
}

bool Watchdog::arm(const ThreadFactory& factory) {
  if (armed_) return true;
  if (thread_.joinable()) {
    armed_ = true;
    changed_.notify_one();
    return true;
  }
  try {
    thread_ = factory([this] { run(); });
  } catch (const std::system_error&) {
    return false;
  }
  armed_ = true;
  return true;
}

void Watchdog::run() {
  Lock lock(mutex_);
  int idle_ticks = 0;
  while (!stopping_) {
    if (!armed_) {
      changed_.wait(lock, [this] { return stopping_ || armed_; });
    } else {
      changed_.wait_for(lock, kPeriod, [this] { return stopping_; });
    }
    if (stopping_) return;
    idle_ticks = tick_(lock) ? 0 : idle_ticks + 1;
    armed_ = idle_ticks < kIdleTicksMax;
    if (!armed_) idle_ticks = 0;
  }
}

}  // namespace overlapped
