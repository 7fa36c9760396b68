#include "thread_pool.h"

#include <algorithm>

#include "blocking.h"

namespace overlapped {

namespace {

// A worker takes several short transfers at once, so that the lock and the wake-up are paid once for
// them; more would let one slow device hold up what another worker could do.
constexpr size_t kWorkerBatchMax = 16;
constexpr size_t kShortTransferMax = 64 * 1024;

bool is_short(const Operation& operation) {
  return operation.is_transfer() && !operation.is_vector() && operation.file->is_disk() &&
         operation.length <= kShortTransferMax;
}

}  // namespace

ThreadPool::ThreadPool(size_t threads_max, CompletionSink& sink)
    : threads_max_(threads_max), sink_(sink) {
  workers_.reserve(threads_max);
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (auto& worker : workers_) worker->thread.join();
}

void ThreadPool::start_worker() {
  workers_.push_back(std::make_unique<Worker>());
  Worker& worker = *workers_.back();
  worker.thread = std::thread([this, &worker] { run_worker(worker); });
}

void ThreadPool::submit(OperationList batch) {
  if (batch.empty()) return;
  size_t wake_count = 0;
  {
    std::lock_guard lock(mutex_);
    for (Operation* op = batch.front(); op; op = op->next) {
      op->state.store(OperationState::kQueued, std::memory_order_relaxed);
    }
    in_pool_ += batch.size();
    queue_.append(std::move(batch));
    const size_t wanted = queue_.size();
    while (wanted > idle_ + wake_count && workers_.size() < threads_max_) {
      start_worker();
      ++wake_count;
    }
    wake_count = std::min(wanted, idle_);
  }
  for (size_t i = 0; i < wake_count; ++i) work_.notify_one();
}

OperationList ThreadPool::take_batch(Worker& worker, std::unique_lock<std::mutex>& lock) {
  ++idle_;
  work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  --idle_;
  OperationList batch;
  if (queue_.empty()) return batch;
  // Leave the other workers their share of what waits.
  const size_t share = std::min(kWorkerBatchMax, queue_.size() / workers_.size() + 1);
  do {
    Operation* const op = queue_.front();
    if (!batch.empty() && !(is_short(*batch.front()) && is_short(*op))) break;
    queue_.remove(op);
    op->state.store(OperationState::kRunning, std::memory_order_relaxed);
    batch.push_back(op);
  } while (batch.size() < share && !queue_.empty());
  worker.current = batch.front();
  worker.target.execution = ++executions_;
  return batch;
}

void ThreadPool::run_worker(Worker& worker) {
  worker.target.interrupt.bind();
  std::unique_lock lock(mutex_);
  for (;;) {
    OperationList batch = take_batch(worker, lock);
    if (batch.empty()) return;
    const size_t size = batch.size();
    lock.unlock();
    for (Operation* op = batch.front(); op; op = op->next) {
      if (op->cancel_requested.load(std::memory_order_acquire)) {
        op->result = Result::cancelled();
      } else {
        run_blocking(*op);
      }
    }
    lock.lock();
    worker.current = nullptr;
    worker.target.execution = 0;
    for (Operation* op = batch.front(); op; op = op->next) {
      op->state.store(OperationState::kCompleted, std::memory_order_relaxed);
    }
    lock.unlock();
    sink_.complete(std::move(batch));
    lock.lock();
    in_pool_ -= size;
    if (in_pool_ == 0) drained_.notify_all();
  }
}

void ThreadPool::cancel(Operation& operation) {
  std::unique_lock lock(mutex_);
  switch (operation.state.load(std::memory_order_relaxed)) {
    case OperationState::kQueued: {
      queue_.remove(&operation);
      operation.result = Result::cancelled();
      operation.state.store(OperationState::kCompleted, std::memory_order_relaxed);
      OperationList cancelled;
      cancelled.push_back(&operation);
      lock.unlock();
      sink_.complete(std::move(cancelled));
      lock.lock();
      if (--in_pool_ == 0) drained_.notify_all();
      return;
    }
    case OperationState::kRunning:
      operation.cancel_requested.store(true, std::memory_order_release);
      for (auto& worker : workers_) {
        if (worker->current == &operation) interrupter_.add(worker->target);
      }
      return;
    default:
      return;
  }
}

void ThreadPool::drain() {
  std::unique_lock lock(mutex_);
  drained_.wait(lock, [this] { return in_pool_ == 0; });
}

}  // namespace overlapped
