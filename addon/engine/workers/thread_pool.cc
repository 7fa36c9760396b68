#include "thread_pool.h"

#include <algorithm>
#include <system_error>

#include "system/blocking.h"

namespace overlapped {

namespace {

// A worker takes several short operations at once, so that the lock and the wake-up are paid once
// for them; more would let one slow device hold up what another worker could do.
constexpr size_t kWorkerBatchMax = 16;
constexpr size_t kShortTransferMax = 64 * 1024;

// O_WRONLY | O_RDWR, the same on every system.
constexpr int kAccessMode = 3;

bool is_short(const Operation& operation) {
  if (operation.may_wait) return false;
  const Shortness shortness = operation.traits().shortness;
  return shortness == Shortness::kAlways ||
         (shortness == Shortness::kUpToShortTransfer && operation.length <= kShortTransferMax);
}

// Ends an operation that does not run, or not to its end. It may have opened a FIFO to look at it.
void end_cancelled(Operation& operation) {
  cancel_unbegun(operation);
  if (operation.detail) operation.detail->opened.reset();
}

}  // namespace

std::thread make_thread(std::function<void()> body) { return std::thread(std::move(body)); }

ThreadPool::ThreadPool(ThreadPoolLimits limits, CompletionSink& sink, ThreadFactory factory)
    : sink_(sink), factory_(std::move(factory)) {
  for (Lane& lane : lanes_) lane.threads_max = limits.waiting_threads;
  lanes_[kBounded].threads_max = limits.bounded_threads;
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  for (Lane& lane : lanes_) {
    lane.work.notify_all();
    for (auto& worker : lane.workers) worker->thread.join();
  }
}

// False where the system makes no thread: a limit of processes, or of memory.
bool ThreadPool::start_worker(Lane& lane) {
  lane.workers.push_back(std::make_unique<Worker>());
  Worker& worker = *lane.workers.back();
  try {
    worker.thread = factory_([this, &lane, &worker] { run_worker(lane, worker); });
    return true;
  } catch (const std::system_error&) {
    lane.workers.pop_back();
    return false;
  }
}

ThreadPool::Lane& ThreadPool::lane_of(const Operation& operation) {
  if (!operation.may_wait) return lanes_[kBounded];
  switch (operation.traits().lane) {
    case WaitingLane::kReading:
      break;
    case WaitingLane::kWriting:
      return lanes_[kWriting];
    case WaitingLane::kByAccess:
      // A FIFO lets one side continue when the other arrives.
      return lanes_[(operation.detail->open.flags & kAccessMode) ? kWriting : kReading];
    case WaitingLane::kMeeting:
      return lanes_[kMeeting];
    case WaitingLane::kEnding:
      return lanes_[kEnding];
  }
  return lanes_[kReading];
}

void ThreadPool::submit(OperationList batch) {
  if (batch.empty()) return;
  std::unique_lock lock(mutex_);
  in_pool_ += batch.size();
  enqueue(std::move(batch));
  for (Lane& lane : lanes_) wake(lane);
  OperationList unreachable = take_unreachable();
  if (!unreachable.empty()) complete(std::move(unreachable), lock);
}

// What waits in a lane that has no worker and gets none. With workers it waits for one of them.
OperationList ThreadPool::take_unreachable() {
  OperationList unreachable;
  // Better to close late than not at all.
  if (lanes_[kEnding].workers.empty() && !lanes_[kBounded].workers.empty()) {
    while (Operation* const op = lanes_[kEnding].queue.pop_front()) {
      op->may_wait = false;
      lanes_[kBounded].queue.push_back(op);
    }
    wake(lanes_[kBounded]);
  }
  for (Lane& lane : lanes_) {
    if (!lane.workers.empty()) continue;
    while (Operation* const op = lane.queue.pop_front()) {
      op->result = Result::failure(kNoThreadError);
      if (op->detail) op->detail->opened.reset();
      op->state.store(OperationState::kCompleted, std::memory_order_relaxed);
      unreachable.push_back(op);
    }
  }
  return unreachable;
}

// Delivers, without the lock. Only then the pool has let go of the operations.
void ThreadPool::complete(OperationList completed, std::unique_lock<std::mutex>& lock) {
  const size_t size = completed.size();
  lock.unlock();
  if (size > 0) sink_.complete(std::move(completed));
  lock.lock();
  in_pool_ -= size;
  if (in_pool_ == 0) drained_.notify_all();
}

void ThreadPool::enqueue(OperationList batch) {
  while (Operation* const op = batch.pop_front()) {
    op->state.store(OperationState::kQueued, std::memory_order_relaxed);
    lane_of(*op).queue.push_back(op);
  }
}

// Wakes one worker, or makes one, if there is something to do. Whoever takes work wakes the next,
// so that no more threads run than the work keeps busy.
void ThreadPool::wake(Lane& lane) {
  if (lane.queue.empty()) return;
  if (lane.idle > 0) {
    lane.work.notify_one();
  } else if (lane.workers.size() < lane.threads_max) {
    start_worker(lane);
  }
}

OperationList ThreadPool::take_batch(Lane& lane, Worker& worker,
                                     std::unique_lock<std::mutex>& lock) {
  ++lane.idle;
  lane.work.wait(lock, [&] { return stopping_ || !lane.queue.empty(); });
  --lane.idle;
  OperationList batch;
  if (lane.queue.empty()) return batch;
  // Leave the other workers their share of what waits.
  const size_t share = std::min(kWorkerBatchMax, lane.queue.size() / lane.threads_max + 1);
  do {
    Operation* const op = lane.queue.front();
    if (!batch.empty() && !(is_short(*batch.front()) && is_short(*op))) break;
    lane.queue.remove(op);
    op->state.store(OperationState::kRunning, std::memory_order_relaxed);
    batch.push_back(op);
  } while (batch.size() < share && !lane.queue.empty());
  worker.current = batch.front();
  worker.target.execution = ++executions_;
  wake(lane);
  return batch;
}

void ThreadPool::run_worker(Lane& lane, Worker& worker) {
  worker.target.interrupt.bind();
  std::unique_lock lock(mutex_);
  for (;;) {
    OperationList batch = take_batch(lane, worker, lock);
    if (batch.empty()) return;
    lock.unlock();
    OperationList completed;
    OperationList waiting;
    while (Operation* const op = batch.pop_front()) {
      if (op->cancel_requested.load(std::memory_order_acquire)) {
        end_cancelled(*op);
        completed.push_back(op);
      } else if (run_blocking(*op)) {
        completed.push_back(op);
      } else {
        waiting.push_back(op);
      }
    }
    lock.lock();
    worker.current = nullptr;
    worker.target.execution = 0;
    for (Operation* op = completed.front(); op; op = op->next) {
      op->state.store(OperationState::kCompleted, std::memory_order_relaxed);
    }
    put_back_waiting(std::move(waiting));
    completed.append(take_unreachable());
    complete(std::move(completed), lock);
  }
}

// What turned out to wait for somebody else changes to a lane for that.
void ThreadPool::put_back_waiting(OperationList waiting) {
  if (waiting.empty()) return;
  for (Operation* op = waiting.front(); op; op = op->next) op->may_wait = true;
  enqueue(std::move(waiting));
  for (Lane& lane : lanes_) wake(lane);
}

void ThreadPool::cancel(Operation& operation) {
  std::unique_lock lock(mutex_);
  switch (operation.state.load(std::memory_order_relaxed)) {
    case OperationState::kQueued: {
      lane_of(operation).queue.remove(&operation);
      end_cancelled(operation);
      operation.state.store(OperationState::kCompleted, std::memory_order_relaxed);
      OperationList cancelled;
      cancelled.push_back(&operation);
      complete(std::move(cancelled), lock);
      return;
    }
    case OperationState::kRunning:
      operation.cancel_requested.store(true, std::memory_order_release);
      interrupt(operation);
      return;
    default:
      return;
  }
}

void ThreadPool::interrupt(Operation& operation) {
  for (Lane& lane : lanes_) {
    for (auto& worker : lane.workers) {
      if (worker->current == &operation) interrupter_.add(worker->target);
    }
  }
}

void ThreadPool::drain() {
  std::unique_lock lock(mutex_);
  drained_.wait(lock, [this] { return in_pool_ == 0; });
}

}  // namespace overlapped
