#include "iocp_engine.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "system/blocking.h"

namespace overlapped {

namespace {

constexpr size_t kPoolThreadsMin = 4;
constexpr size_t kPoolThreadsMax = 16;

uint32_t start_overlapped(Operation& operation) {
  return start_transfer(operation, nullptr, nullptr);
}

// Wine takes an overlapped lock that has to wait and never completes it, and posts no packet for
// one that it grants at once. There locks wait as on synchronous handles.
bool completes_locks() {
  const HMODULE system = GetModuleHandleW(L"ntdll.dll");
  return system && !GetProcAddress(system, "wine_get_version");
}

ThreadPoolLimits pool_limits(size_t concurrency) {
  ThreadPoolLimits limits;
  limits.bounded_threads = std::clamp(2 * concurrency, kPoolThreadsMin, kPoolThreadsMax);
  return limits;
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
      tokens_max_(concurrency),
      // One worker always waits at the port.
      workers_min_(concurrency + 1),
      pool_sink_(*this, sink),
      pool_(pool_limits(concurrency), pool_sink_) {
  try {
    while (workers_.size() < workers_min_) start_worker();
  } catch (...) {
    stop_workers();
    throw;
  }
}

IocpEngine::~IocpEngine() { stop_workers(); }

void IocpEngine::start_worker() {
  auto worker = std::make_unique<Worker>();
  worker->thread = std::thread([this, started = worker.get()] { run_worker(*started); });
  workers_.push_back(std::move(worker));
}

// One packet stops all: each worker hands it on.
void IocpEngine::stop_workers() {
  port_.post(PacketKind::kStop);
  for (auto& worker : workers_) worker->thread.join();
}

Result IocpEngine::attach(OpenFile& file) {
  const Result attached = port_.attach(file.handle());
  if (!attached.ok()) return attached;
  file.overlapped = true;
  file.skips_packets = CompletionPort::skip_packets(file.handle());
  return attached;
}

// Calls on a handle that no port takes wait by events, on workers of the pool.
void IocpEngine::attach_opened(OpenFile* opened) {
  if (opened && opened->waits_by_event) (void)attach(*opened);
}

void IocpEngine::AttachingSink::complete(OperationList completed) {
  for (Operation* op = completed.front(); op; op = op->next) {
    if (!op->detail) continue;
    engine_.attach_opened(op->detail->opened.get());
    engine_.attach_opened(op->detail->opened_peer.get());
  }
  sink_.complete(std::move(completed));
}

// ---- from the submitting thread

void IocpEngine::submit(OperationList batch) {
  OperationList elsewhere;
  queue_batch(std::move(batch), elsewhere);
  pool_.submit(std::move(elsewhere));
}

void IocpEngine::queue_batch(OperationList batch, OperationList& elsewhere) {
  Lock lock(mutex_);
  while (Operation* const op = batch.pop_front()) {
    op->engine_data = nullptr;
    change_state(*op, OperationState::kQueued);
    if (!goes_by_port(*op)) {
      op->engine_data = &pool_;
      op->may_wait = may_wait_for_others(*op);
      elsewhere.push_back(op);
      continue;
    }
    ++in_engine_;
    if (begin_transfer(*op)) {
      transfers_.push_back(op);
    } else {
      change_state(*op, OperationState::kCompleted);
      completed_.push_back(op);
    }
  }
  // A worker that has met a shortage looks again after a while, and then posts the missing tokens.
  const bool looked_after = starved_.load(std::memory_order_relaxed);
  const uint32_t error = wake_workers();
  if (error != ERROR_SUCCESS && !looked_after) fail_unreachable(error);
  deliver(lock);
}

// Without a token, and without a packet to come, no worker may ever look at the queue again, so
// its operations end with the error of posting the token. With the mutex held.
void IocpEngine::fail_unreachable(uint32_t error) {
  if (tokens_ + in_flight_ > 0) return;
  while (Operation* const op = transfers_.pop_front()) {
    op->result = Result::failure(error);
    change_state(*op, OperationState::kCompleted);
    completed_.push_back(op);
  }
  starved_.store(false, std::memory_order_relaxed);
}

void IocpEngine::cancel(Operation& op) {
  if (op.engine_data == &pool_) {
    pool_.cancel(op);
    return;
  }
  bool with_system = false;
  {
    Lock lock(mutex_);
    with_system = request_end(op);
    deliver(lock);
  }
  // The operation is not delivered before the submitting thread, which is here, lets it be. That
  // nothing is found (ERROR_NOT_FOUND) means that it is not issued yet, or done.
  if (with_system) CancelIoEx(op.file->handle(), &op.overlapped);
}

// One call ends all that the system has of a file. What is about to be issued sees the request.
void IocpEngine::cancel_all(std::span<Operation* const> operations) {
  HANDLE handle = nullptr;
  {
    Lock lock(mutex_);
    for (Operation* const op : operations) {
      if (op->engine_data != &pool_ && request_end(*op)) handle = op->file->handle();
    }
    deliver(lock);
  }
  for (Operation* const op : operations) {
    if (op->engine_data == &pool_) pool_.cancel(*op);
  }
  if (handle) CancelIoEx(handle, nullptr);
}

// Takes the operation out of its queue, or asks its worker to end it. True when the system may have
// it, and is to be asked too. With the mutex held.
bool IocpEngine::request_end(Operation& op) {
  const OperationState state = op.state.load(std::memory_order_relaxed);
  if (state != OperationState::kQueued && state != OperationState::kRunning) return false;
  // Sequentially consistent on both sides: either the issuer of a transfer sees the request after
  // its call, or that call was made before the CancelIoEx that follows.
  op.cancel_requested.store(true, std::memory_order_seq_cst);
  if (state == OperationState::kQueued) {
    transfers_.remove(&op);
    // It may wait for another of its calls, and what its first buffers moved counts.
    op.never_began = op.transferred == 0;
    continue_transfer(op, ERROR_OPERATION_ABORTED, 0);
    change_state(op, OperationState::kCompleted);
    completed_.push_back(&op);
    return false;
  }
  return true;
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
    is_awaited_ = true;
    const bool drained =
        wait_until(drained_, lock, deadline, [this] { return in_engine_ == 0; });
    is_awaited_ = false;
    if (!drained) return false;
  }
  return pool_.drain(deadline);
}

// A driver may ignore a cancel, and its packet may come at any time. Workers end as they become
// idle; the port stays open, and no thread takes later packets.
void IocpEngine::abandon() {
  {
    Lock lock(mutex_);
    abandoned_ = is_awaited_ = true;
    watchdog_.abandon();
    for (auto& worker : workers_) worker->thread.detach();
    drained_.wait(lock, [this] { return delivering_ == 0; });
  }
  port_.post(PacketKind::kStop);
  pool_.abandon();
}

EngineCounters IocpEngine::counters() const {
  EngineCounters counters;
  counters.inline_completions = calls_.inline_completions();
  counters.retried = retried_.load(std::memory_order_relaxed);
  counters.port_packets = port_packets_.load(std::memory_order_relaxed);
  return counters;
}

}  // namespace overlapped
