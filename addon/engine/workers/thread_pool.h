#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "engine.h"
#include "idle_workers.h"
#include "interrupter.h"
#include "watchdog.h"

namespace overlapped {

// Threads that run beside the submitting one without taking its processor.
inline size_t processors_beside_submitter() {
  const size_t processors = std::thread::hardware_concurrency();
  return processors > 2 ? processors - 1 : 1;
}

struct ThreadPoolLimits {
  size_t bounded_threads = 4;
  // The most threads that take operations of share(). A thread that waits for a disk counts, too.
  // Therefore the submitting thread puts operations on uncached files into the queue, which has no
  // such limit.
  size_t sharing_threads = processors_beside_submitter();
  // Includes stand-ins for workers whose operation does not end.
  size_t bounded_threads_max = 64;
  size_t waiting_threads = 64;  // in each of the lanes for operations without a time limit
};

std::thread make_thread(std::function<void()> body);

// Workers that execute operations with blocking calls, in lanes that never hold each other up:
// operations that end by themselves; reads that wait without limit (pipes, terminals, a FIFO
// without a peer); the writes that would end those; waits for locks and clients of pipes; and the
// closes that would end any of these.
//
// A worker has one operation at a time, so one that never ends (a dead server) holds up nothing
// else. In the lane of the first kind a watchdog finds such workers and lets other threads stand in
// for them. Threads are made on demand and live as long as the pool; where no more can be made, the
// existing ones do the work. An operation that waits in a queue can be taken out of it; one that
// runs is interrupted until it ends.
class ThreadPool {
 public:
  // Tests replace `factory` by one that fails.
  ThreadPool(ThreadPoolLimits limits, CompletionSink& sink, ThreadFactory factory = make_thread);
  ~ThreadPool();  // only after drain() returned true
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void submit(OperationList batch);
  // Delivers operations that other code has completed.
  void submit_completed(OperationList completed);
  // Submits operations that end by themselves and that the caller runs meanwhile, too: it takes the
  // oldest of them by take_shared() until that returns none, and workers take the newest.
  void share(OperationList batch);
  OperationList take_shared(size_t count_max);
  void cancel(Operation& operation);
  // Waits until every operation has come back; false if `deadline` comes first.
  bool drain(Deadline deadline);
  // Called after drain() returned false: idle threads end, and no thread uses the sink any longer.
  // The pool and its remaining operations must never be freed.
  void abandon();

 private:
  struct Worker {
    std::thread thread;
    Sleeper sleeper;
    InterruptTarget target;
    Operation* current = nullptr;
    StuckDetector detector;
  };
  static constexpr size_t kSharedPerWorker = 16;

  struct Lane {
    size_t threads = 0;      // that work at once
    size_t threads_max = 0;  // with those that stand in for stuck ones
    size_t sharing_max = 0;  // that are awake for shared operations
    OperationList queue;
    OperationList shared;  // newer than the queue, with the submitting thread at its front
    std::vector<std::unique_ptr<Worker>> workers;
    IdleWorkers idle;
    std::vector<std::unique_ptr<Worker>> finished;  // whose threads have ended
    bool has_work() const { return !queue.empty() || !shared.empty(); }
    // Whether shared operations are worth another worker. The submitting thread does a few of them
    // before a worker is awake.
    bool wants_sharer() const {
      const size_t awake = workers.size() - idle.size();
      return shared.size() >= kSharedPerWorker && awake < sharing_max + stuck;
    }
    Operation* take() { return queue.empty() ? shared.pop_back() : queue.pop_front(); }

    size_t waking = 0;                              // notified, and not running yet
    size_t stuck = 0;
  };

  enum LaneNumber : size_t { kBounded, kReading, kWriting, kMeeting, kEnding, kLanes };

  // Workers to notify, once the lock has been released: one that wakes up earlier meets the lock.
  class WakeList {
   public:
    void add(Sleeper* worker) {
      if (worker) workers_[size_++] = worker;
    }
    void notify();

   private:
    std::array<Sleeper*, 2 * kLanes> workers_{};
    size_t size_ = 0;
  };


  void run_worker(Lane& lane, Worker& worker);
  bool start_worker(Lane& lane);
  Lane& lane_of(const Operation& operation);
  void enqueue(OperationList batch);
  Sleeper* wake(Lane& lane);
  void wake_all_lanes(WakeList& wakes);
  bool take_unreachable(WakeList& wakes);
  void deliver(Lock& lock);
  bool is_delivery_due(const Lane& lane);
  Operation* take(Lane& lane, Worker& worker, Lock& lock);
  void wait_for_work(Lane& lane, Worker& worker, Lock& lock);
  void take_back(Lane& lane, Worker& worker, Operation& operation, bool has_ended, Lock& lock);
  bool retire(Lane& lane, Worker& worker);
  bool look_for_stuck_workers(Lock& lock);
  void interrupt(Operation& operation);

  CompletionSink& sink_;
  const ThreadFactory factory_;
  Mutex mutex_;
  ConditionVariable drained_;
  std::array<Lane, kLanes> lanes_;
  OperationList completed_;  // to be delivered with others
  Interrupter interrupter_{mutex_};
  Watchdog watchdog_{mutex_, [this](Lock& lock) { return look_for_stuck_workers(lock); }};
  size_t in_pool_ = 0;     // not yet delivered
  size_t delivering_ = 0;  // threads that use the sink now
  bool is_awaited_ = false;  // drain() or abandon() waits
  uint64_t executions_ = 0;
  bool stopping_ = false;
};

}  // namespace overlapped
