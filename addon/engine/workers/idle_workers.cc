#include "idle_workers.h"

namespace overlapped {

Sleeper* IdleWorkers::call() {
  Sleeper& worker = *idle_.back();
  idle_.pop_back();
  worker.is_woken = true;
  worker.called_at = IdleSpin::Clock::now();
  const bool is_awake = is_last_awake_;
  // A worker that has looked in vain and sleeps has been noted as a failure.
  if (is_awake || spin_.limit() == IdleSpin::Duration::zero()) {
    spin_.note_work(worker.called_at - worker.idle_since);
  }
  if (!is_awake) return &worker;
  is_last_awake_ = false;
  worker.is_called.store(true, std::memory_order_release);
  return nullptr;
}

void IdleWorkers::wait(Sleeper& worker, const bool& stopping, Lock& lock) {
  idle_.insert(idle_.end() - (is_last_awake_ ? 1 : 0), &worker);
  worker.idle_since = IdleSpin::Clock::now();
  look_for_work(worker, lock);
  if (worker.is_woken) return;
  worker.work.wait(lock, [&] { return stopping || worker.is_woken; });
  if (worker.is_woken) spin_.note_wake(IdleSpin::Clock::now() - worker.called_at);
}

void IdleWorkers::look_for_work(Sleeper& worker, Lock& lock) {
  const IdleSpin::Duration limit = spin_.limit();
  if (limit == IdleSpin::Duration::zero() || is_last_awake_) return;
  is_last_awake_ = true;
  worker.is_called.store(false, std::memory_order_relaxed);
  lock.unlock();
  spin_until(worker.is_called, limit);
  lock.lock();
  if (worker.is_woken) return;
  is_last_awake_ = false;
  spin_.note_failure();
}

}  // namespace overlapped
