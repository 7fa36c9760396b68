#include "iocp_engine.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "system/blocking.h"

namespace overlapped {

namespace {

constexpr size_t kWorkersMin = 4;
constexpr size_t kWorkersMax = 16;

uint32_t start_overlapped(Operation& operation) {
  return start_transfer(operation, nullptr, nullptr);
}

// Wine takes an overlapped lock that has to wait and never completes it, and posts no packet for
// one that it grants at once. There locks wait as on synchronous handles.
bool completes_locks() {
  const HMODULE system = GetModuleHandleW(L"ntdll.dll");
  return system && !GetProcAddress(system, "wine_get_version");
}

size_t worker_count(size_t concurrency) {
  return std::clamp(2 * concurrency, kWorkersMin, kWorkersMax);
}

}  // namespace

std::unique_ptr<Engine> IocpEngine::create(CompletionSink& sink, std::string& reason) {
  const size_t concurrency = std::max(1U, std::thread::hardware_concurrency());
  CompletionPort port = CompletionPort::create(concurrency);
  if (!port.valid()) {
    reason = "CreateIoCompletionPort failed with error " + std::to_string(GetLastError());
    return nullptr;
  }
  try {
    return std::make_unique<IocpEngine>(sink, std::move(port), concurrency);
  } catch (const std::system_error& error) {
    reason = std::string("the workers of the completion port could not start: ") + error.what();
    return nullptr;
  }
}

IocpEngine::IocpEngine(CompletionSink& sink, CompletionPort port, size_t concurrency,
                       IocpTuning tuning)
    : sink_(sink),
      in_flight_max_(tuning.in_flight_max),
      locks_at_port_(tuning.lock_wait == LockWait::kAtPort || completes_locks()),
      port_(std::move(port)),
      calls_(tuning.start ? tuning.start : start_overlapped),
      issue_tokens_max_(concurrency),
      // One worker always stays with the port.
      blocking_tokens_max_(worker_count(concurrency) - 1),
      unbounded_(ThreadPoolLimits{}, sink) {
  start_workers(worker_count(concurrency));
}

IocpEngine::~IocpEngine() { stop_workers(); }

void IocpEngine::start_workers(size_t count) {
  try {
    for (size_t i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<Worker>());
      Worker& worker = *workers_.back();
      worker.thread = std::thread([this, &worker] { run_worker(worker); });
    }
  } catch (...) {
    stop_workers();
    throw;
  }
}

// One packet stops all: each worker hands it on.
void IocpEngine::stop_workers() {
  port_.post(PacketKind::kStop);
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

Result IocpEngine::attach(OpenFile& file) {
  const Result attached = port_.attach(file.handle());
  if (!attached.ok()) return attached;
  file.overlapped = true;
  file.skips_packets = CompletionPort::skip_packets(file.handle());
  return attached;
}

// ---- from the submitting thread

void IocpEngine::submit(OperationList batch) {
  OperationList completed;
  OperationList elsewhere;
  queue_batch(std::move(batch), completed, elsewhere);
  unbounded_.submit(std::move(elsewhere));
  if (completed.empty()) return;
  Lock lock(mutex_);
  deliver(std::move(completed), lock);
}

void IocpEngine::queue_batch(OperationList batch, OperationList& completed,
                             OperationList& elsewhere) {
  std::lock_guard lock(mutex_);
  while (Operation* const op = batch.pop_front()) {
    op->engine_data = nullptr;
    change_state(*op, OperationState::kQueued);
    const bool by_port = goes_by_port(*op);
    if (op->opcode == Opcode::kLock && !by_port) {
      // Its workers may wait for whoever holds the lock; those of the port may not.
      op->engine_data = &unbounded_;
      elsewhere.push_back(op);
      continue;
    }
    if (!by_port && may_wait_for_others(*op)) {
      op->engine_data = &unbounded_;
      op->may_wait = true;
      elsewhere.push_back(op);
      continue;
    }
    ++in_engine_;
    if (!by_port) {
      blocking_.push_back(op);
    } else if (begin_transfer(*op)) {
      transfers_.push_back(op);
    } else {
      change_state(*op, OperationState::kCompleted);
      completed.push_back(op);
    }
  }
  // A worker that has met a shortage looks again after a while, and then posts what is missing.
  const bool looked_after = starved_.load(std::memory_order_relaxed);
  const uint32_t error = wake_workers();
  if (error != ERROR_SUCCESS && !looked_after) fail_unreachable(completed, error);
}

// Without a token, and without a packet to come, no worker may ever look at the queues again, so
// what waits there ends with the error that posting the token gave. With the mutex held.
void IocpEngine::fail_unreachable(OperationList& completed, uint32_t error) {
  if (issue_tokens_ + blocking_tokens_ + in_flight_ > 0) return;
  OperationList lost = std::move(transfers_);
  lost.append(std::move(blocking_));
  for (Operation* op = lost.front(); op; op = op->next) {
    op->result = Result::failure(error);
    change_state(*op, OperationState::kCompleted);
  }
  completed.append(std::move(lost));
  starved_.store(false, std::memory_order_relaxed);
}

void IocpEngine::cancel(Operation& op) {
  if (op.engine_data == &unbounded_) {
    unbounded_.cancel(op);
    return;
  }
  OperationList cancelled;
  bool with_system = false;
  {
    Lock lock(mutex_);
    with_system = request_end(op, cancelled);
    deliver(std::move(cancelled), lock);
  }
  // The operation is not delivered before the submitting thread, which is here, lets it be. That
  // nothing is found (ERROR_NOT_FOUND) means that it is not issued yet, or done.
  if (with_system) CancelIoEx(op.file->handle(), &op.overlapped);
}

// One call ends all that the system has of a file. What is about to be issued sees the request.
void IocpEngine::cancel_all(std::span<Operation* const> operations) {
  OperationList cancelled;
  HANDLE handle = nullptr;
  {
    Lock lock(mutex_);
    for (Operation* const op : operations) {
      if (op->engine_data != &unbounded_ && request_end(*op, cancelled)) {
        handle = op->file->handle();
      }
    }
    deliver(std::move(cancelled), lock);
  }
  for (Operation* const op : operations) {
    if (op->engine_data == &unbounded_) unbounded_.cancel(*op);
  }
  if (handle) CancelIoEx(handle, nullptr);
}

// Takes the operation out of its queue, or asks whoever has it to end it. True when the system may
// have it, and is to be asked too. With the mutex held.
bool IocpEngine::request_end(Operation& op, OperationList& cancelled) {
  const OperationState state = op.state.load(std::memory_order_relaxed);
  if (state == OperationState::kQueued) {
    if (goes_by_port(op)) {
      transfers_.remove(&op);
      // It may wait for the second time, and what its first buffers moved counts.
      op.never_began = op.transferred == 0;
      continue_transfer(op, ERROR_OPERATION_ABORTED, 0);
    } else {
      blocking_.remove(&op);
      cancel_unbegun(op);
    }
    change_state(op, OperationState::kCompleted);
    cancelled.push_back(&op);
    return false;
  }
  if (state != OperationState::kRunning) return false;
  // Sequentially consistent on both sides: either the issuer of a transfer sees the request after
  // its call, or that call was made before the CancelIoEx that follows.
  op.cancel_requested.store(true, std::memory_order_seq_cst);
  for (auto& worker : workers_) {
    if (worker->current == &op) {
      interrupter_.add(worker->target);
      return false;
    }
  }
  return goes_by_port(op);
}

bool IocpEngine::goes_by_port(const Operation& op) const {
  switch (op.opcode) {
    case Opcode::kLock:
      return locks_at_port_ && op.file->overlapped;
    case Opcode::kConnectPipe:
      return op.file->overlapped;
    default:
      return op.is_transfer() && op.file->overlapped;
  }
}

bool IocpEngine::drain(Deadline deadline) {
  {
    Lock lock(mutex_);
    if (!wait_until(drained_, lock, deadline, [this] { return in_engine_ == 0; })) return false;
  }
  return unbounded_.drain(deadline);
}

// A driver may ignore a cancel, and its packet may come at any time. Workers end as they become
// idle; the port stays open, and no thread takes what comes later.
void IocpEngine::abandon() {
  {
    Lock lock(mutex_);
    abandoned_ = true;
    drained_.wait(lock, [this] { return delivering_ == 0; });
  }
  port_.post(PacketKind::kStop);
  unbounded_.abandon();
}

EngineCounters IocpEngine::counters() const {
  EngineCounters counters;
  counters.inline_completions = calls_.inline_completions();
  counters.retried = retried_.load(std::memory_order_relaxed);
  counters.port_packets = port_packets_.load(std::memory_order_relaxed);
  return counters;
}

// ---- tokens and delivery

// Posts as many tokens as there is use for; gives the error where it could not. With the mutex
// held.
uint32_t IocpEngine::wake_workers() {
  while (!starved_.load(std::memory_order_relaxed) && issue_tokens_ < issue_tokens_max_ &&
         in_flight_ < in_flight_max_ && issue_tokens_ * kIssueBatchMax < transfers_.size()) {
    const uint32_t error = port_.post(PacketKind::kIssue);
    if (error != ERROR_SUCCESS) return starve(error);
    ++issue_tokens_;
  }
  while (blocking_tokens_ < blocking_tokens_max_ &&
         blocking_tokens_ - blocking_running_ < blocking_.size()) {
    const uint32_t error = port_.post(PacketKind::kBlocking);
    if (error != ERROR_SUCCESS) return starve(error);
    ++blocking_tokens_;
  }
  return ERROR_SUCCESS;
}

uint32_t IocpEngine::starve(uint32_t error) {
  starved_.store(true, std::memory_order_relaxed);
  return error;
}

// Releases the lock meanwhile. Only afterwards the engine has let go of the operations.
void IocpEngine::deliver(OperationList completed, Lock& lock) {
  const size_t count = completed.size();
  if (count == 0 || abandoned_) return;
  for (Operation* op = completed.front(); op; op = op->next) CHECK_INVARIANT(is_complete(*op));
  CHECK_INVARIANT(count <= in_engine_);
  ++delivering_;
  lock.unlock();
  sink_.complete(std::move(completed));
  lock.lock();
  --delivering_;
  in_engine_ -= count;
  if (in_engine_ == 0 || abandoned_) drained_.notify_all();
}

}  // namespace overlapped
