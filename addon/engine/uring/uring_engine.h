#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine.h"
#include "workers/thread_pool.h"
#include "ring.h"

namespace overlapped {

// io_uring for reads, writes and syncs; the rest, which blocks or has no opcode, goes to a pool of
// workers. What exceeds the ring waits in `backlog_`, in order.
class UringEngine final : public Engine {
 public:
  // Null with a reason where io_uring cannot be had.
  static std::unique_ptr<Engine> create(CompletionSink& sink, std::string& reason);

  UringEngine(std::unique_ptr<Ring> ring, CompletionSink& sink);

  EngineKind kind() const override { return EngineKind::kUring; }
  void submit(OperationList batch) override;
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

  std::unique_ptr<Ring> ring_;
  ThreadPool blocking_;
  OperationList backlog_;
  OperationList retries_;  // the kernel was short of resources for these
  OperationList completed_;
  std::vector<Operation*> cancels_;         // asked for, not yet handed to the ring
  std::vector<Operation*> missed_cancels_;  // to be asked for again with the next enter()
  EngineCounters counters_;
  size_t in_flight_ = 0;  // operations that the ring has
  bool submitting_ = false;
  bool ring_refused_ = false;  // the kernel was short of something at the last enter()
};

}  // namespace overlapped
