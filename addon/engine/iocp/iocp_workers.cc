#include <span>
#include <utility>

#include "iocp_engine.h"
#include "system/blocking.h"

// What the workers of the engine do: they take packets from the port, issue transfers, and run
// blocking operations.
namespace overlapped {

namespace {

// When the system is out of resources and no completion of ours will free any.
constexpr DWORD kStarvedWaitMs = 5;

}  // namespace

void IocpEngine::run_worker(Worker& worker) {
  worker.target.interrupt.bind();
  for (;;) {
    Intake intake = take_packets();
    if (intake.stop) {
      port_.post(PacketKind::kStop);
      return;
    }
    return_extra_tokens(intake);
    if (intake.transfers > 0 || intake.timed_out) {
      end_transfers(std::move(intake.completed), std::move(intake.refused), true, 0);
    }
    if (intake.issue_tokens > 0) issue_transfers();
    if (intake.blocking_tokens > 0) run_blocking_operation(worker);
  }
}

IocpEngine::Intake IocpEngine::take_packets() {
  Intake intake;
  CompletionPort::Packets packets;
  const DWORD wait_ms = starved_.load(std::memory_order_relaxed) ? kStarvedWaitMs : INFINITE;
  const std::span<const Packet> taken = port_.take(packets, wait_ms);
  intake.timed_out = taken.empty();
  for (const Packet& packet : taken) {
    switch (packet.kind) {
      case PacketKind::kTransfer:
        take_transfer_packet(*packet.operation, intake);
        break;
      case PacketKind::kIssue:
        ++intake.issue_tokens;
        break;
      case PacketKind::kBlocking:
        ++intake.blocking_tokens;
        break;
      case PacketKind::kStop:
        intake.stop = true;
        break;
    }
  }
  port_packets_.fetch_add(intake.transfers, std::memory_order_relaxed);
  return intake;
}

void IocpEngine::take_transfer_packet(Operation& op, Intake& intake) {
  using Outcome = OverlappedCalls::Outcome;
  ++intake.transfers;
  const Outcome outcome = calls_.take_packet(op);
  if (outcome == Outcome::kComplete) intake.completed.push_back(&op);
  if (outcome == Outcome::kRefused) intake.refused.push_back(&op);
}

// One look may bring tokens that other workers could use; this one keeps one of each kind. An
// issue token need not be posted again: a worker that issues asks for more if there is use.
void IocpEngine::return_extra_tokens(Intake& intake) {
  if (intake.issue_tokens < 2 && intake.blocking_tokens < 2) return;
  std::lock_guard lock(mutex_);
  if (intake.issue_tokens > 1) issue_tokens_ -= intake.issue_tokens - 1;
  for (; intake.blocking_tokens > 1; --intake.blocking_tokens) {
    if (port_.post(PacketKind::kBlocking) != ERROR_SUCCESS) --blocking_tokens_;
  }
}

// ---- transfers

OperationList IocpEngine::take_transfers() {
  OperationList batch;
  std::lock_guard lock(mutex_);
  if (starved_.load(std::memory_order_relaxed)) return batch;
  while (batch.size() < kIssueBatchMax && in_flight_ < in_flight_max_) {
    Operation* const op = transfers_.pop_front();
    if (!op) break;
    op->state.store(OperationState::kRunning, std::memory_order_relaxed);
    batch.push_back(op);
    ++in_flight_;
  }
  return batch;
}

void IocpEngine::issue_transfers() {
  using Outcome = OverlappedCalls::Outcome;
  OperationList batch = take_transfers();
  OperationList completed;
  while (Operation* const op = batch.pop_front()) {
    const Outcome outcome = calls_.issue(*op);
    if (outcome == Outcome::kComplete) completed.push_back(op);
    if (outcome == Outcome::kRefused) {
      batch.push_front(op);
      break;
    }
  }
  end_transfers(std::move(completed), std::move(batch), false, 1);
}

// Delivers what is complete, puts what the system had no resources for back to the head of the
// queue, gives tokens back and calls for new ones. `made_room` says that it is worth trying again.
void IocpEngine::end_transfers(OperationList completed, OperationList refused, bool made_room,
                               size_t tokens) {
  Lock lock(mutex_);
  const size_t ended = completed.size() + refused.size();
  deliver(std::move(completed), lock);
  in_flight_ -= ended;
  issue_tokens_ -= tokens;
  if (made_room) starved_.store(false, std::memory_order_relaxed);
  if (!refused.empty()) {
    retried_.fetch_add(1, std::memory_order_relaxed);
    for (Operation* op = refused.front(); op; op = op->next) {
      op->state.store(OperationState::kQueued, std::memory_order_relaxed);
    }
    refused.append(std::move(transfers_));
    transfers_ = std::move(refused);
    starved_.store(true, std::memory_order_relaxed);
  }
  wake_workers();
}

// ---- blocking operations

Operation* IocpEngine::take_blocking(Worker& worker) {
  std::lock_guard lock(mutex_);
  Operation* const op = blocking_.pop_front();
  if (!op) {
    --blocking_tokens_;
    return nullptr;
  }
  op->state.store(OperationState::kRunning, std::memory_order_relaxed);
  ++blocking_running_;
  worker.current = op;
  worker.target.execution = ++executions_;
  return op;
}

void IocpEngine::run_blocking_operation(Worker& worker) {
  Operation* const op = take_blocking(worker);
  if (!op) return;
  execute(*op);
  Lock lock(mutex_);
  worker.current = nullptr;
  worker.target.execution = 0;
  OperationList completed;
  completed.push_back(op);
  deliver(std::move(completed), lock);
  --blocking_running_;
  --blocking_tokens_;
  wake_workers();
}

void IocpEngine::execute(Operation& op) {
  run_blocking(op);
  if (!op.detail) return;
  attach_opened(op.detail->opened.get());
  attach_opened(op.detail->opened_peer.get());
}

// Calls on a handle that no port takes wait by events, on the threads for operations that may wait
// forever.
void IocpEngine::attach_opened(OpenFile* opened) {
  if (opened && opened->waits_by_event) (void)attach(*opened);
}

}  // namespace overlapped
