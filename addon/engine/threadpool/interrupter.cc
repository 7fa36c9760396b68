#include "interrupter.h"

#include <chrono>

namespace overlapped {

namespace {

constexpr auto kInterruptPeriod = std::chrono::milliseconds(1);

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
  if (thread_.joinable()) {
    changed_.notify_one();
  } else {
    thread_ = std::thread([this] { run(); });
  }
}

void Interrupter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
    if (stopping_) return;
    std::erase_if(pending_, [](const Pending& pending) {
      return pending.target->execution != pending.execution;
    });
    for (const Pending& pending : pending_) pending.target->interrupt.interrupt();
    changed_.wait_for(lock, kInterruptPeriod, [this] { return stopping_; });
  }
}

}  // namespace overlapped
