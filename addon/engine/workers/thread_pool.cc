#include "thread_pool.h"

#include <algorithm>
#include <system_error>

#include "system/blocking.h"

namespace overlapped {

namespace {

// Completions of short operations are delivered together, so that the event loop wakes up once for
// them.
constexpr size_t kDeliveryMax = 8;
constexpr size_t kShortTransferMax = 64 * 1024;

// O_WRONLY | O_RDWR, the same on every system.
constexpr int kAccessMode = 3;

bool is_short(const Operation& operation) {
  if (operation.may_wait) return false;
  const Shortness shortness = operation.traits().shortness;
  return shortness == Shortness::kAlways ||
         (shortness == Shortness::kUpToShortTransfer && operation.length <= kShortTransferMax);
}

// Ends an operation that has not run to its end. It may have opened a FIFO to inspect it.
void end_cancelled(Operation& operation) {
  cancel_unbegun(operation);
  if (operation.detail) operation.detail->opened.reset();
}

}  // namespace

std::thread make_thread(std::function<void()> body) { return std::thread(std::move(body)); }

void ThreadPool::WakeList::notify() {
  for (size_t i = 0; i < size_; ++i) workers_[i]->work.notify_one();
  size_ = 0;
}

ThreadPool::ThreadPool(ThreadPoolLimits limits, CompletionSink& sink, ThreadFactory factory)
    : sink_(sink), factory_(std::move(factory)) {
  for (Lane& lane : lanes_) lane.threads = lane.threads_max = limits.waiting_threads;
  lanes_[kBounded].threads = limits.bounded_threads;
  lanes_[kBounded].sharing_max = limits.sharing_threads;
  lanes_[kBounded].threads_max = std::max(limits.bounded_threads, limits.bounded_threads_max);
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  for (Lane& lane : lanes_) {
    for (auto& worker : lane.workers) {
      worker->sleeper.work.notify_one();
      worker->thread.join();
    }
    for (auto& worker : lane.finished) {
      if (worker->thread.joinable()) worker->thread.join();
    }
  }
}

// Returns false if the system makes no thread: a limit of processes, or of memory.
bool ThreadPool::start_worker(Lane& lane) {
  std::unique_ptr<Worker> worker;
  if (lane.finished.empty()) {
    worker = std::make_unique<Worker>();
  } else {
    // Used again, since an interrupt may still name it.
    worker = std::move(lane.finished.back());
    lane.finished.pop_back();
    if (worker->thread.joinable()) worker->thread.join();
  }
  lane.workers.push_back(std::move(worker));
  Worker& started = *lane.workers.back();
  try {
    started.thread = factory_([this, &lane, &started] { run_worker(lane, started); });
    ++lane.waking;
    started.sleeper.is_woken = true;
    return true;
  } catch (const std::system_error&) {
    lane.finished.push_back(std::move(lane.workers.back()));
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
  keep_files(batch);
  WakeList wakes;
  {
    Lock lock(mutex_);
    in_pool_ += batch.size();
    enqueue(std::move(batch));
    wake_all_lanes(wakes);
    if (take_unreachable(wakes)) deliver(lock);
  }
  wakes.notify();
}

void ThreadPool::share(OperationList batch) {
  Sleeper* woken = nullptr;
  {
    Lock lock(mutex_);
    Lane& lane = lanes_[kBounded];
    in_pool_ += batch.size();
    for (Operation* op = batch.front(); op; op = op->next) {
      change_state(*op, OperationState::kQueued);
    }
    lane.shared.append(std::move(batch));
    woken = wake(lane);
  }
  if (woken) woken->work.notify_one();
}

OperationList ThreadPool::take_shared(size_t count_max) {
  OperationList taken;
  Lock lock(mutex_);
  OperationList& shared = lanes_[kBounded].shared;
  while (taken.size() < count_max && !shared.empty()) taken.push_back(shared.pop_front());
  CHECK_INVARIANT(taken.size() <= in_pool_);
  in_pool_ -= taken.size();
  return taken;
}

void ThreadPool::submit_completed(OperationList completed) {
  Lock lock(mutex_);
  in_pool_ += completed.size();
  for (Operation* op = completed.front(); op; op = op->next) {
    change_state(*op, OperationState::kCompleted);
  }
  completed_.append(std::move(completed));
  if (!stopping_) deliver(lock);
}

// Ends operations that wait in a lane which has no worker and gets none. With workers they wait for
// one.
bool ThreadPool::take_unreachable(WakeList& wakes) {
  // Better to close late than not at all.
  if (lanes_[kEnding].workers.empty() && !lanes_[kBounded].workers.empty()) {
    while (Operation* const op = lanes_[kEnding].queue.pop_front()) {
      op->may_wait = false;
      lanes_[kBounded].queue.push_back(op);
    }
    wakes.add(wake(lanes_[kBounded]));
  }
  bool found = false;
  for (Lane& lane : lanes_) {
    if (!lane.workers.empty()) continue;
    while (Operation* const op = lane.queue.pop_front()) {
      op->result = Result::failure(kNoThreadError);
      if (op->detail) op->detail->opened.reset();
      change_state(*op, OperationState::kCompleted);
      completed_.push_back(op);
      found = true;
    }
  }
  return found;
}

// Releases the lock meanwhile. The pool has released the operations only afterwards.
void ThreadPool::deliver(Lock& lock) {
  OperationList completed = std::move(completed_);
  const size_t size = completed.size();
  if (size == 0) return;
  for (Operation* op = completed.front(); op; op = op->next) CHECK_INVARIANT(is_complete(*op));
  CHECK_INVARIANT(size <= in_pool_);
  ++delivering_;
  lock.unlock();
  sink_.complete(std::move(completed));
  lock.lock();
  --delivering_;
  in_pool_ -= size;
  if (is_awaited_) drained_.notify_all();
}

void ThreadPool::enqueue(OperationList batch) {
  while (Operation* const op = batch.pop_front()) {
    change_state(*op, OperationState::kQueued);
    lane_of(*op).queue.push_back(op);
  }
}

// Picks a worker to notify, or makes one, if there is work and no worker is on its way. A worker
// that takes work wakes the next, so that no more threads run than the work keeps busy.
Sleeper* ThreadPool::wake(Lane& lane) {
  if (lane.waking > 0) return nullptr;
  if (lane.queue.empty() && !lane.wants_sharer()) return nullptr;
  if (!lane.idle.empty()) {
    ++lane.waking;
    return lane.idle.call();
  }
  const size_t threads = std::min(lane.threads + lane.stuck, lane.threads_max);
  const bool started = lane.workers.size() < threads && start_worker(lane);
  if (!started && lane.threads < lane.threads_max) (void)watchdog_.arm(factory_);
  return nullptr;
}

void ThreadPool::wake_all_lanes(WakeList& wakes) {
  for (Lane& lane : lanes_) wakes.add(wake(lane));
}

// Whether completions are to be delivered before the next operation of the lane begins.
bool ThreadPool::is_delivery_due(const Lane& lane) {
  if (completed_.empty() || stopping_) return false;
  if (!lane.has_work() || completed_.size() >= kDeliveryMax) return true;
  // The watchdog delivers completions that were held back if the next operation never ends.
  const bool is_next_short = lane.queue.empty() || is_short(*lane.queue.front());
  return !is_next_short || !watchdog_.arm(factory_);
}

void ThreadPool::wait_for_work(Lane& lane, Worker& worker, Lock& lock) {
  if (!worker.sleeper.is_woken) lane.idle.wait(worker.sleeper, stopping_, lock);
  if (worker.sleeper.is_woken) --lane.waking;
  worker.sleeper.is_woken = false;
}

// Null when the pool ends.
Operation* ThreadPool::take(Lane& lane, Worker& worker, Lock& lock) {
  for (;;) {
    if (worker.sleeper.is_woken) wait_for_work(lane, worker, lock);
    if (is_delivery_due(lane)) {
      // The worker looks for work right afterwards, so no other one needs to wake up for that.
      ++lane.waking;
      deliver(lock);
      --lane.waking;
    } else if (stopping_ || retire(lane, worker)) {
      return nullptr;
    } else if (!lane.has_work()) {
      wait_for_work(lane, worker, lock);
    } else {
      Operation* const op = lane.take();
      change_state(*op, OperationState::kRunning);
      CHECK_INVARIANT(!worker.current);
      worker.current = op;
      worker.target.execution = ++executions_;
      return op;
    }
  }
}

void ThreadPool::run_worker(Lane& lane, Worker& worker) {
  worker.target.interrupt.bind();
  WakeList wakes;
  Lock lock(mutex_);
  while (Operation* const op = take(lane, worker, lock)) {
    wakes.add(wake(lane));
    lock.unlock();
    wakes.notify();
    bool has_ended = true;
    if (op->cancel_requested.load(std::memory_order_acquire)) {
      end_cancelled(*op);
    } else {
      has_ended = run_blocking(*op);
    }
    lock.lock();
    take_back(lane, worker, *op, has_ended, lock);
  }
}

// Moves an operation that turned out to wait for another party to a lane for that.
void ThreadPool::take_back(Lane& lane, Worker& worker, Operation& operation, bool has_ended,
                           Lock& lock) {
  worker.current = nullptr;
  worker.target.execution = 0;
  CHECK_INVARIANT(!worker.detector.is_stuck() || lane.stuck > 0);
  if (worker.detector.end_execution()) --lane.stuck;
  if (has_ended) {
    change_state(operation, OperationState::kCompleted);
    completed_.push_back(&operation);
    return;
  }
  operation.may_wait = true;
  OperationList waiting;
  waiting.push_back(&operation);
  enqueue(std::move(waiting));
  WakeList wakes;
  wake_all_lanes(wakes);
  (void)take_unreachable(wakes);
  lock.unlock();
  wakes.notify();
  lock.lock();
}

// Ends a stand-in for a worker whose operation has ended after all.
bool ThreadPool::retire(Lane& lane, Worker& worker) {
  if (lane.workers.size() <= lane.threads + lane.stuck || lane.has_work()) return false;
  const auto is_this = [&](const auto& candidate) { return candidate.get() == &worker; };
  const auto found = std::find_if(lane.workers.begin(), lane.workers.end(), is_this);
  lane.finished.push_back(std::move(*found));
  lane.workers.erase(found);
  return true;
}

// A tick of the watchdog. Returns whether operations wait for a worker or for delivery.
bool ThreadPool::look_for_stuck_workers(Lock& lock) {
  bool has_work = !completed_.empty();
  WakeList wakes;
  for (Lane& lane : lanes_) {
    if (lane.threads == lane.threads_max) continue;
    for (const auto& worker : lane.workers) {
      if (worker->detector.find_stuck(worker->target.execution)) ++lane.stuck;
    }
    wakes.add(wake(lane));
    has_work = has_work || !lane.queue.empty();
  }
  if (!stopping_) deliver(lock);
  lock.unlock();
  wakes.notify();
  lock.lock();
  return has_work;
}

void ThreadPool::cancel(Operation& operation) {
  Lock lock(mutex_);
  switch (operation.state.load(std::memory_order_relaxed)) {
    case OperationState::kQueued:
      lane_of(operation).queue.remove(&operation);
      end_cancelled(operation);
      change_state(operation, OperationState::kCompleted);
      completed_.push_back(&operation);
      deliver(lock);
      return;
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

bool ThreadPool::drain(Deadline deadline) {
  Lock lock(mutex_);
  is_awaited_ = true;
  const bool drained =
      wait_until(drained_, lock, deadline, [this] { return in_pool_ == 0; });
  is_awaited_ = false;
  return drained;
}

void ThreadPool::abandon() {
  Lock lock(mutex_);
  stopping_ = true;
  watchdog_.abandon();
  interrupter_.abandon();
  for (Lane& lane : lanes_) {
    for (auto& worker : lane.workers) {
      worker->sleeper.work.notify_one();
      worker->thread.detach();
    }
    for (auto& worker : lane.finished) {
      if (worker->thread.joinable()) worker->thread.detach();
    }
  }
  is_awaited_ = true;
  drained_.wait(lock, [this] { return delivering_ == 0; });
}

}  // namespace overlapped
