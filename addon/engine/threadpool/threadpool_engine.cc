#include "threadpool_engine.h"

#include <algorithm>
#include <thread>

#include "system/blocking.h"

namespace overlapped {

namespace {

constexpr size_t kBoundedThreadsMin = 4;
constexpr size_t kBoundedThreadsMax = 16;
ThreadPoolLimits limits() {
  ThreadPoolLimits limits;
  limits.bounded_threads = std::clamp<size_t>(2 * std::thread::hardware_concurrency(),
                                              kBoundedThreadsMin, kBoundedThreadsMax);
  return limits;
}

}  // namespace

ThreadpoolEngine::ThreadpoolEngine(CompletionSink& sink, ThreadFactory factory)
    : pool_(limits(), sink, std::move(factory)) {}

void ThreadpoolEngine::submit(OperationList batch) {
  OperationList queued;
  OperationList of_paths;
  while (Operation* const op = batch.pop_front()) {
    op->may_wait = may_wait_for_others(*op);
    in_place_.prepare(*op);
    if (may_be_shared(*op)) {
      of_paths.push_back(op);
    } else if (in_place_.try_run(*op)) {
      complete(*op);
    } else {
      queued.push_back(op);
    }
  }
  pool_.submit(std::move(queued));
  OperationList done = in_place_.run_beside_workers(std::move(of_paths));
  while (Operation* const op = done.pop_front()) complete(*op);
}

bool ThreadpoolEngine::run_now(Operation& operation) {
  in_place_.prepare(operation);
  if (!in_place_.try_run_alone(operation)) return false;
  ++counters_.inline_completions;
  return true;
}

void ThreadpoolEngine::complete(Operation& operation) {
  change_state(operation, OperationState::kCompleted);
  ++counters_.inline_completions;
  completed_inline_.push_back(&operation);
}

}  // namespace overlapped
