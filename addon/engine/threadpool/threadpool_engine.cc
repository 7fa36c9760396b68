#include "threadpool_engine.h"

#include <algorithm>
#include <thread>

#include "system/blocking.h"

namespace overlapped {

namespace {

constexpr size_t kBoundedThreadsMin = 4;
constexpr size_t kBoundedThreadsMax = 16;
// A copy out of the page cache of this size takes some microseconds: about what handing the
// operation to a worker costs.
constexpr size_t kInlineTransferMax = 64 * 1024;

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
  while (Operation* const op = batch.pop_front()) {
    op->may_wait = may_wait_for_others(*op);
    if (op->opcode == Opcode::kRead && op->length <= kInlineTransferMax && !op->file->unbuffered &&
        try_without_waiting(*op)) {
      op->state.store(OperationState::kCompleted, std::memory_order_relaxed);
      ++counters_.inline_completions;
      completed_inline_.push_back(op);
    } else {
      queued.push_back(op);
    }
  }
  pool_.submit(std::move(queued));
}

}  // namespace overlapped
