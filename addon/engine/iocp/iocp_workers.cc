#include <span>
#include <system_error>
#include <utility>

#include "iocp_engine.h"

// The work of the engine's workers: they take packets from the port, and issue transfers. Every
// function here but run_worker(), take_packets() and take_transfer_packet() is called with the
// mutex held.
namespace overlapped {

namespace {

using Outcome = OverlappedCalls::Outcome;

// When the system is out of resources and no completion of ours will free any.
constexpr DWORD kStarvedWaitMs = 5;
// So many refusals in a row are taken for a shortage that others would meet too.
constexpr size_t kRefusedInRowMax = 2;
// Workers, with those that stand in for stuck ones.
constexpr size_t kWorkersMax = 64;

}  // namespace

void IocpEngine::run_worker(Worker& worker) {
  for (;;) {
    Intake intake = take_packets();
    if (intake.stop) {
      port_.post(PacketKind::kStop);
      return;
    }
    Lock lock(mutex_);
    end_intake(intake, lock);
    if (intake.tokens > 0) issue_transfers(worker, lock);
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
        ++intake.tokens;
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
  ++intake.transfers;
  switch (calls_.take_packet(op)) {
    case Outcome::kComplete:
      change_state(op, OperationState::kCompleted);
      intake.completed.push_back(&op);
      return;
    case Outcome::kUnfinished:
      intake.unfinished.push_back(&op);
      return;
    case Outcome::kPending:
    case Outcome::kRefused:
      return;
  }
}

// Delivers complete transfers, and queues unfinished ones before all others. This worker continues
// with the unfinished transfers and keeps one token for them; wake_workers() gives the other tokens
// to workers that need one.
void IocpEngine::end_intake(Intake& intake, Lock& lock) {
  CHECK_INVARIANT(intake.tokens <= tokens_);
  const size_t kept = intake.tokens > 0 || !intake.unfinished.empty() ? 1 : 0;
  tokens_ = tokens_ - intake.tokens + kept;
  intake.tokens = kept;
  in_flight_ -= intake.completed.size() + intake.unfinished.size();
  for (Operation* op = intake.unfinished.front(); op; op = op->next) {
    change_state(*op, OperationState::kQueued);
  }
  intake.unfinished.append(std::move(transfers_));
  transfers_ = std::move(intake.unfinished);
  completed_.append(std::move(intake.completed));
  // A completion, or time, may have freed resources.
  if (intake.transfers > 0 || intake.timed_out) starved_.store(false, std::memory_order_relaxed);
  if (kept == 0) wake_workers();
  deliver(lock);
}

// ---- transfers

Operation* IocpEngine::take_transfer() {
  if (starved_.load(std::memory_order_relaxed) || in_flight_ >= in_flight_max_) return nullptr;
  Operation* const op = transfers_.pop_front();
  if (!op) return nullptr;
  change_state(*op, OperationState::kRunning);
  ++in_flight_;
  return op;
}

// Issues transfers for the token that this worker holds. A transfer that was refused goes behind
// the others, which may fare better.
void IocpEngine::issue_transfers(Worker& worker, Lock& lock) {
  size_t refused_in_row = 0;
  for (size_t i = 0; i < kIssueBatchMax && refused_in_row < kRefusedInRowMax; ++i) {
    Operation* const op = take_transfer();
    if (!op) break;
    const Outcome outcome = issue(*op, worker, lock);
    refused_in_row = outcome == Outcome::kRefused ? refused_in_row + 1 : 0;
    if (outcome == Outcome::kPending) continue;
    --in_flight_;
    if (outcome == Outcome::kComplete) {
      change_state(*op, OperationState::kCompleted);
      completed_.push_back(op);
    } else {
      change_state(*op, OperationState::kQueued);
      transfers_.push_back(op);
      retried_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  CHECK_INVARIANT(tokens_ > 0);
  --tokens_;
  if (refused_in_row > 0) starved_.store(true, std::memory_order_relaxed);
  wake_workers();
  deliver(lock);
}

// Makes a call, which may not return for a long time. If others wait behind it, for a worker or for
// delivery, the watchdog looks after them.
Outcome IocpEngine::issue(Operation& op, Worker& worker, Lock& lock) {
  if (!transfers_.empty() || !completed_.empty()) (void)watchdog_.arm(make_thread);
  worker.execution = ++executions_;
  lock.unlock();
  const Outcome outcome = calls_.issue(op);
  lock.lock();
  worker.execution = 0;
  CHECK_INVARIANT(!worker.detector.is_stuck() || stuck_ > 0);
  if (worker.detector.end_execution()) --stuck_;
  return outcome;
}

// ---- tokens and delivery

// Posts as many tokens as there is use for; gives the error where it could not.
uint32_t IocpEngine::wake_workers() {
  CHECK_INVARIANT(stuck_ <= tokens_);
  // The worker that holds a token may be in a call that does not return.
  if (tokens_ > stuck_ && !transfers_.empty()) (void)watchdog_.arm(make_thread);
  while (!starved_.load(std::memory_order_relaxed) && tokens_ - stuck_ < tokens_max_ &&
         in_flight_ < in_flight_max_ && (tokens_ - stuck_) * kIssueBatchMax < transfers_.size()) {
    const uint32_t error = port_.post(PacketKind::kIssue);
    if (error != ERROR_SUCCESS) {
      starved_.store(true, std::memory_order_relaxed);
      return error;
    }
    ++tokens_;
  }
  return ERROR_SUCCESS;
}

// A tick of the watchdog. Returns whether transfers wait for a worker or for delivery.
bool IocpEngine::look_for_stuck_workers(Lock& lock) {
  for (const auto& worker : workers_) {
    if (worker->detector.find_stuck(worker->execution)) ++stuck_;
  }
  try {
    while (workers_.size() - stuck_ < workers_min_ && workers_.size() < kWorkersMax) {
      start_worker();
    }
  } catch (const std::system_error&) {
    // The system makes no thread now; the next tick tries again.
  }
  wake_workers();
  const bool has_work = !transfers_.empty() || !completed_.empty();
  deliver(lock);
  return has_work;
}

// Releases the lock meanwhile. Only afterwards the engine has let go of the operations.
void IocpEngine::deliver(Lock& lock) {
  if (completed_.empty() || abandoned_) return;
  OperationList completed = std::move(completed_);
  const size_t count = completed.size();
  for (Operation* op = completed.front(); op; op = op->next) CHECK_INVARIANT(is_complete(*op));
  CHECK_INVARIANT(count <= in_engine_);
  ++delivering_;
  lock.unlock();
  sink_.complete(std::move(completed));
  lock.lock();
  --delivering_;
  in_engine_ -= count;
  if (is_awaited_) drained_.notify_all();
}

}  // namespace overlapped
