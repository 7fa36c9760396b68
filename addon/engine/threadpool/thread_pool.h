#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../engine.h"
#include "interrupter.h"

namespace overlapped {

struct ThreadPoolLimits {
  size_t bounded_threads = 4;
  size_t waiting_threads = 64;
};

// Workers that execute operations with blocking calls, in two lanes: what may wait for ever (pipes,
// terminals, a FIFO without a peer) never holds up what ends by itself. Threads are made on demand
// and live as long as the pool. An operation that waits in a queue can be taken out of it; one that
// runs is interrupted until it ends.
class ThreadPool {
 public:
  ThreadPool(ThreadPoolLimits limits, CompletionSink& sink);
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

  void run_worker(Lane& lane, Worker& worker);
  void start_worker(Lane& lane);
  Lane& lane_of(const Operation& operation) { return lanes_[operation.may_wait ? 1 : 0]; }
  void enqueue(OperationList batch);
  void wake(Lane& lane);
  OperationList take_batch(Lane& lane, Worker& worker, std::unique_lock<std::mutex>& lock);
  void put_back_waiting(OperationList waiting);
  void interrupt(Operation& operation);

  CompletionSink& sink_;
  std::mutex mutex_;
  std::condition_variable drained_;
  std::array<Lane, 2> lanes_;  // bounded, waiting
  Interrupter interrupter_{mutex_};
  size_t in_pool_ = 0;  // queued or running
  uint64_t executions_ = 0;
  bool stopping_ = false;
};

}  // namespace overlapped
