#include "threadpool_engine.h"

#include <algorithm>
#include <thread>

#include "blocking.h"

namespace overlapped {

namespace {

constexpr size_t kBoundedThreadsMin = 4;
constexpr size_t kBoundedThreadsMax = 16;
constexpr size_t kUnboundedThreadsMax = 64;
// A copy out of the page cache of this size takes some microseconds: about what handing the
// operation to a worker costs.
constexpr size_t kInlineTransferMax = 64 * 1024;

size_t bounded_threads() {
  return std::clamp<size_t>(2 * std::thread::hardware_concurrency(), kBoundedThreadsMin,
                            kBoundedThreadsMax);
}

bool may_wait_for_ever(const Operation& operation) {
  return operation.is_transfer() && !operation.file->is_disk();
}

}  // namespace

ThreadpoolEngine::ThreadpoolEngine(CompletionSink& sink)
    : bounded_(bounded_threads(), sink), unbounded_(kUnboundedThreadsMax, sink) {}

void ThreadpoolEngine::submit(OperationList batch) {
  OperationList bounded;
  OperationList unbounded;
  while (Operation* const op = batch.pop_front()) {
    if (may_wait_for_ever(*op)) {
      op->engine_data = &unbounded_;
      unbounded.push_back(op);
    } else if (op->opcode == Opcode::kRead && op->length <= kInlineTransferMax &&
               !op->file->unbuffered && try_without_waiting(*op)) {
      op->state.store(OperationState::kCompleted, std::memory_order_relaxed);
      ++counters_.inline_completions;
      completed_inline_.push_back(op);
    } else {
      op->engine_data = &bounded_;
      bounded.push_back(op);
    }
  }
  bounded_.submit(std::move(bounded));
  unbounded_.submit(std::move(unbounded));
}

void ThreadpoolEngine::cancel(Operation& operation) {
  if (operation.engine_data) static_cast<ThreadPool*>(operation.engine_data)->cancel(operation);
}

void ThreadpoolEngine::drain() {
  bounded_.drain();
  unbounded_.drain();
}

}  // namespace overlapped
