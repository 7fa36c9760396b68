#pragma once

#include "../engine.h"
#include "thread_pool.h"

namespace overlapped {

// Blocking calls on the package's own workers: portable, and the fallback of the other engines. Two
// pools keep what may wait for ever (pipes, terminals) from holding up what ends by itself.
class ThreadpoolEngine final : public Engine {
 public:
  explicit ThreadpoolEngine(CompletionSink& sink);

  EngineKind kind() const override { return EngineKind::kThreadpool; }
  void submit(OperationList batch) override;
  void cancel(Operation& operation) override;
  OperationList poll() override { return std::move(completed_inline_); }
  bool completes_inline() const override { return true; }
  void drain() override;
  EngineCounters counters() const override { return counters_; }

 private:
  ThreadPool bounded_;
  ThreadPool unbounded_;
  OperationList completed_inline_;
  EngineCounters counters_;
};

}  // namespace overlapped
