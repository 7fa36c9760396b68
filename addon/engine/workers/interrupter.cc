#include "interrupter.h"

#include <algorithm>
#include <system_error>

namespace overlapped {

namespace {

// The first interrupts are for a call that had not begun yet; later ones are for a call that the
// system does not end, such as on a disk that does not answer.
constexpr auto kPeriodMin = std::chrono::milliseconds(1);
constexpr auto kPeriodMax = std::chrono::milliseconds(128);

}  // namespace

Interrupter::~Interrupter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Interrupter::add(InterruptTarget& target) {
  pending_.push_back({&target, target.execution});
  period_ = kPeriodMin;
  if (thread_.joinable()) {
    changed_.notify_one();
    return;
  }
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // Without a thread that repeats it, this interrupt must suffice until the next cancel.
    target.interrupt.interrupt();
  }
}

void Interrupter::abandon() {
  stopping_ = true;
  changed_.notify_all();
  if (thread_.joinable()) thread_.detach();
}

void Interrupter::run() {
  Lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
    if (stopping_) return;
    std::erase_if(pending_, [](const Pending& pending) {
      return pending.target->execution != pending.execution;
    });
    for (const Pending& pending : pending_) pending.target->interrupt.interrupt();
    const auto period = period_;
    period_ = std::min(2 * period, kPeriodMax);
    changed_.wait_for(lock, period, [&] { return stopping_ || period_ < period; });
  }
}

}  // namespace overlapped
