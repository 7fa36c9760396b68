#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine.h"
#include "workers/in_place_worker.h"
#include "workers/thread_pool.h"
#include "lost_ring.h"
#include "ring.h"

namespace overlapped {

// io_uring for reads, writes and syncs; other operations, which block or have no opcode, go to a
// pool of workers. Operations beyond the ring's capacity wait in `backlog_`, in order. If the
// kernel denies the ring later on (a seccomp filter installed in the meantime), the workers do
// everything.
class UringEngine final : public Engine {
 public:
  // Returns null with a reason if io_uring is not available.
  static std::unique_ptr<Engine> create(CompletionSink& sink, std::string& reason);

  UringEngine(std::unique_ptr<Ring> ring, CompletionSink& sink);

  EngineKind kind() const override {
    return lost_ring_ ? EngineKind::kThreadpool : EngineKind::kUring;
  }
  std::string reason() const override { return lost_reason_; }
  void submit(OperationList batch) override;
  void lend(std::byte* memory) override { in_place_.lend(memory); }
  bool run_now(Operation& operation) override;
  bool may_run_now(const Operation& operation) const override {
    return may_be_done_in_place(operation);
  }
  void cancel(Operation& operation) override;
  void cancel_all(std::span<Operation* const> operations) override;
  OperationList poll() override;
  int wait_descriptor() const override { return ring_->event_descriptor(); }
  void clear_wait_descriptor() override { ring_->clear_event(); }
  bool has_unannounced() const override;
  bool completes_inline() const override { return true; }
  bool drain(Deadline deadline) override;
  void abandon() override { blocking_.abandon(); }
  EngineCounters counters() const override { return counters_; }

 private:
  void complete_inline(Operation& operation);
  void prepare_backlog();
  void take_retries();
  void prepare(Operation& operation, io_uring_sqe& entry);
  bool request_end(Operation& operation);
  void prepare_cancels();
  void enter();
  void reap();
  void settle(Operation& operation, int32_t result);
  void hand_to_own_worker(Operation& op);
  void settle_cancel(Operation& operation, int32_t result);
  void finish(Operation& operation);
  bool is_refusal(int error);
  void lose_ring(int error);

  std::unique_ptr<Ring> ring_;
  ThreadPool blocking_;
  InPlaceWorker in_place_{blocking_};
  OperationList backlog_;
  OperationList retries_;  // the kernel was short of resources for these
  OperationList completed_;
  std::vector<Operation*> cancels_;         // asked for, not yet handed to the ring
  std::vector<Operation*> missed_cancels_;  // to be asked for again with the next enter()
  EngineCounters counters_;
  OperationList in_ring_;
  bool submitting_ = false;
  bool ring_refused_ = false;  // the kernel was short of something at the last enter()
  size_t refusals_ = 0;        // in a row
  std::unique_ptr<LostRing> lost_ring_;  // set once the kernel takes no calls any more
  std::string lost_reason_;
};

}  // namespace overlapped
