#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine.h"
#include "interrupter.h"

namespace overlapped {

struct ThreadPoolLimits {
  size_t bounded_threads = 4;
  size_t waiting_threads = 64;  // in each of the lanes for what may wait for ever
};

// Makes threads; a test replaces it by one that fails.
using ThreadFactory = std::function<std::thread(std::function<void()>)>;
std::thread make_thread(std::function<void()> body);

// Workers that execute operations with blocking calls, in lanes that never hold each other up: what
// ends by itself; reads that wait for ever (pipes, terminals, a FIFO without a peer); the writes
// that would end those; locks and clients of pipes that are waited for; and the closes that would
// end any of these. Threads are made on demand and live as long as the pool; where no more can be
// made, those that are there do the work. An operation that waits in a queue can be taken out of
// it; one that runs is interrupted until it ends.
class ThreadPool {
 public:
  ThreadPool(ThreadPoolLimits limits, CompletionSink& sink, ThreadFactory factory = make_thread);
  ~ThreadPool();  // only after drain()
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void submit(OperationList batch);
  void cancel(Operation& operation);
  void drain();

 private:
  struct Worker {
    std::thread thread;
    InterruptTarget target;
    Operation* current = nullptr;
  };
  struct Lane {
    size_t threads_max = 0;
    OperationList queue;
    std::condition_variable work;
    std::vector<std::unique_ptr<Worker>> workers;
    size_t idle = 0;
  };

  enum LaneNumber : size_t { kBounded, kReading, kWriting, kMeeting, kEnding, kLanes };

  void run_worker(Lane& lane, Worker& worker);
  bool start_worker(Lane& lane);
  Lane& lane_of(const Operation& operation);
  void enqueue(OperationList batch);
  void wake(Lane& lane);
  OperationList take_unreachable();
  void complete(OperationList completed, std::unique_lock<std::mutex>& lock);
  OperationList take_batch(Lane& lane, Worker& worker, std::unique_lock<std::mutex>& lock);
  void put_back_waiting(OperationList waiting);
  void interrupt(Operation& operation);

  CompletionSink& sink_;
  const ThreadFactory factory_;
  std::mutex mutex_;
  std::condition_variable drained_;
  std::array<Lane, kLanes> lanes_;
  Interrupter interrupter_{mutex_};
  size_t in_pool_ = 0;  // queued or running
  uint64_t executions_ = 0;
  bool stopping_ = false;
};

}  // namespace overlapped
