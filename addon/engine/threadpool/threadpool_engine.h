#pragma once

#include "engine.h"
#include "workers/in_place_worker.h"
#include "workers/thread_pool.h"

namespace overlapped {

// Blocking calls on the package's own workers: portable, and the fallback of the other engines.
class ThreadpoolEngine final : public Engine {
 public:
  explicit ThreadpoolEngine(CompletionSink& sink, ThreadFactory factory = make_thread);

  EngineKind kind() const override { return EngineKind::kThreadpool; }
  void submit(OperationList batch) override;
  void lend(std::byte* memory) override { in_place_.lend(memory); }
  bool run_now(Operation& operation) override;
  bool may_run_now(const Operation& operation) const override {
    return may_be_done_in_place(operation);
  }
  void cancel(Operation& operation) override { pool_.cancel(operation); }
  OperationList poll() override { return std::move(completed_inline_); }
  bool has_unannounced() const override { return !completed_inline_.empty(); }
  bool completes_inline() const override { return true; }
  bool drain(Deadline deadline) override { return pool_.drain(deadline); }
  void abandon() override { pool_.abandon(); }
  EngineCounters counters() const override { return counters_; }

 private:
  void complete(Operation& operation);

  ThreadPool pool_;
  InPlaceWorker in_place_{pool_};
  OperationList completed_inline_;
  EngineCounters counters_;
};

}  // namespace overlapped
