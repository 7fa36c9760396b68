#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../engine.h"
#include "interrupter.h"

namespace overlapped {

// Workers that execute operations with blocking calls. Threads are made on demand, up to
// `threads_max`, and live as long as the pool. An operation that waits in the queue can be taken
// out of it; one that runs is interrupted until it ends.
class ThreadPool {
 public:
  ThreadPool(size_t threads_max, CompletionSink& sink);
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

  void run_worker(Worker& worker);
  void start_worker();
  OperationList take_batch(Worker& worker, std::unique_lock<std::mutex>& lock);

  const size_t threads_max_;
  CompletionSink& sink_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable drained_;
  OperationList queue_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Interrupter interrupter_{mutex_};
  size_t idle_ = 0;
  size_t in_pool_ = 0;  // queued or running
  uint64_t executions_ = 0;
  bool stopping_ = false;
};

}  // namespace overlapped
