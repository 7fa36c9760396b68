#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../engine.h"
#include "interrupter.h"

namespace overlapped {

struct ThreadPoolLimits {
  size_t bounded_threads = 4;
  size_t waiting_threads = 64;  // in each direction
};

// Makes threads; a test replaces it by one that fails.
using ThreadFactory = std::function<std::thread(std::function<void()>)>;
std::thread make_thread(std::function<void()> body);

// Workers that execute operations with blocking calls, in three lanes: what may wait for ever
// (pipes, terminals, a FIFO without a peer) never holds up what ends by itself, and reads that wait
// never hold up the writes that would end them. Threads are made on demand and live as long as the
// pool; where no more can be made, those that are there do the work. An operation that waits in a
// queue can be taken out of it; one that runs is interrupted until it ends.
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
  std::array<Lane, 3> lanes_;  // bounded, waiting to read, waiting to write
  Interrupter interrupter_{mutex_};
  size_t in_pool_ = 0;  // queued or running
  uint64_t executions_ = 0;
  bool stopping_ = false;
};

}  // namespace overlapped
