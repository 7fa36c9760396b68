#include <span>
#include <utility>

#include "iocp_engine.h"
#include "system/blocking.h"

// The work of the engine's workers: they take packets from the port, issue transfers, and run
// blocking operations.
namespace overlapped {

namespace {

// When the system is out of resources and no completion of ours will free any.
constexpr DWORD kStarvedWaitMs = 5;
// So many refusals in a row are taken for a shortage that others would meet too.
constexpr size_t kRefusedInRowMax = 2;

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
      const bool is_short = !intake.refused.empty();
      end_transfers({.completed = std::move(intake.completed),
                     .refused = std::move(intake.refused),
                     .untried = {},
                     .is_short = is_short,
                     .made_room = true});
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
  if (outcome == Outcome::kRefused) intake.refused.push_back(&op);
  if (outcome != Outcome::kComplete) return;
  change_state(op, OperationState::kCompleted);
  intake.completed.push_back(&op);
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
    change_state(*op, OperationState::kRunning);
    batch.push_back(op);
    ++in_flight_;
  }
  return batch;
}

void IocpEngine::issue_transfers() {
  using Outcome = OverlappedCalls::Outcome;
  EndedTransfers ended;
  ended.untried = take_transfers();
  ended.tokens = 1;
  size_t refused_in_row = 0;
  while (refused_in_row < kRefusedInRowMax) {
    Operation* const op = ended.untried.pop_front();
    if (!op) break;
    const Outcome outcome = calls_.issue(*op);
    if (outcome == Outcome::kComplete) {
      change_state(*op, OperationState::kCompleted);
      ended.completed.push_back(op);
    }
    if (outcome == Outcome::kRefused) ended.refused.push_back(op);
    refused_in_row = outcome == Outcome::kRefused ? refused_in_row + 1 : 0;
  }
  ended.is_short = refused_in_row > 0;
  end_transfers(std::move(ended));
}

// Delivers what is complete, queues the rest again, gives tokens back and asks for new ones. A
// transfer that was refused goes behind the others, which may fare better.
void IocpEngine::end_transfers(EndedTransfers ended) {
  Lock lock(mutex_);
  const size_t count = ended.completed.size() + ended.refused.size() + ended.untried.size();
  deliver(std::move(ended.completed), lock);
  CHECK_INVARIANT(count <= in_flight_ && ended.tokens <= issue_tokens_);
  in_flight_ -= count;
  issue_tokens_ -= ended.tokens;
  if (ended.made_room) starved_.store(false, std::memory_order_relaxed);
  if (!ended.refused.empty()) retried_.fetch_add(1, std::memory_order_relaxed);
  if (ended.is_short) starved_.store(true, std::memory_order_relaxed);
  for (OperationList* const list : {&ended.untried, &ended.refused}) {
    for (Operation* op = list->front(); op; op = op->next) {
      change_state(*op, OperationState::kQueued);
    }
  }
  ended.untried.append(std::move(transfers_));
  transfers_ = std::move(ended.untried);
  transfers_.append(std::move(ended.refused));
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
  change_state(*op, OperationState::kRunning);
  ++blocking_running_;
  CHECK_INVARIANT(!worker.current);
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
  change_state(*op, OperationState::kCompleted);
  OperationList completed;
  completed.push_back(op);
  deliver(std::move(completed), lock);
  CHECK_INVARIANT(blocking_running_ > 0 && blocking_running_ <= blocking_tokens_);
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
