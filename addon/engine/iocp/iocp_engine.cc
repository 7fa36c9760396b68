#include "iocp_engine.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "system/blocking.h"
#include "system/windows/ntdll.h"

namespace overlapped {

namespace {

constexpr size_t kWorkersMin = 4;
constexpr size_t kWorkersMax = 16;
constexpr size_t kPacketBatchMax = 64;
// So many transfers a token holder issues in one go: enough to pay for the lock and the packet,
// few enough that another worker gets its share of reads that the cache serves.
constexpr size_t kIssueBatchMax = 16;
// When the system is out of resources and no completion of ours will free any.
constexpr DWORD kStarvedWaitMs = 5;

// The other completion keys.
constexpr uintptr_t kIssueKey = 2;
constexpr uintptr_t kBlockingKey = 3;
constexpr uintptr_t kStopKey = 4;

// A port that one process fills faster than the system can take gives these, and they pass.
bool is_shortage(uint32_t error) {
  switch (error) {
    case ERROR_INVALID_USER_BUFFER:
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_WORKING_SET_QUOTA:
    case ERROR_NO_SYSTEM_RESOURCES:
      return true;
    default:
      return false;
  }
}

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
  UniqueHandle port(
      CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, static_cast<DWORD>(concurrency)));
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

IocpEngine::IocpEngine(CompletionSink& sink, UniqueHandle port, size_t concurrency,
                       IocpTuning tuning)
    : sink_(sink),
      tuning_{tuning.in_flight_max, tuning.start ? tuning.start : start_overlapped,
              tuning.lock_wait},
      locks_at_port_(tuning.lock_wait == LockWait::kAtPort || completes_locks()),
      port_(std::move(port)),
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
  post(kStopKey);
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

// A handle belongs to one port for as long as it lives, so this can be done once.
Result IocpEngine::attach(OpenFile& file) {
  if (!CreateIoCompletionPort(file.handle(), port_.get(), kTransferKey, 0)) {
    return Result::failure(GetLastError());
  }
  file.overlapped = true;
  return Result::success(0);
}

// ---- from the submitting thread

void IocpEngine::submit(OperationList batch) {
  OperationList completed;
  OperationList elsewhere;
  queue_batch(std::move(batch), completed, elsewhere);
  unbounded_.submit(std::move(elsewhere));
  const size_t count = completed.size();
  deliver(std::move(completed));
  count_out(count);
}

void IocpEngine::queue_batch(OperationList batch, OperationList& completed,
                             OperationList& elsewhere) {
  std::lock_guard lock(mutex_);
  while (Operation* const op = batch.pop_front()) {
    op->engine_data = nullptr;
    op->state.store(OperationState::kQueued, std::memory_order_relaxed);
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
  for (Operation* op = lost.front(); op; op = op->next) op->result = Result::failure(error);
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
    std::lock_guard lock(mutex_);
    with_system = request_end(op, cancelled);
  }
  const size_t count = cancelled.size();
  deliver(std::move(cancelled));
  count_out(count);
  // The operation is not delivered before the submitting thread, which is here, lets it be. That
  // nothing is found (ERROR_NOT_FOUND) means that it is not issued yet, or done.
  if (with_system) CancelIoEx(op.file->handle(), &op.overlapped);
}

// One call ends all that the system has of a file. What is about to be issued sees the request.
void IocpEngine::cancel_all(std::span<Operation* const> operations) {
  OperationList cancelled;
  HANDLE handle = nullptr;
  {
    std::lock_guard lock(mutex_);
    for (Operation* const op : operations) {
      if (op->engine_data != &unbounded_ && request_end(*op, cancelled)) {
        handle = op->file->handle();
      }
    }
  }
  for (Operation* const op : operations) {
    if (op->engine_data == &unbounded_) unbounded_.cancel(*op);
  }
  const size_t count = cancelled.size();
  deliver(std::move(cancelled));
  count_out(count);
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
    op.state.store(OperationState::kCompleted, std::memory_order_relaxed);
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

// Every call here ends when it is cancelled, so that no deadline is needed.
bool IocpEngine::drain(Deadline) {
  {
    std::unique_lock lock(mutex_);
    drained_.wait(lock, [this] { return in_engine_ == 0; });
  }
  return unbounded_.drain(std::nullopt);
}

EngineCounters IocpEngine::counters() const {
  EngineCounters counters;
  counters.inline_completions = inline_completions_.load(std::memory_order_relaxed);
  counters.retried = retried_.load(std::memory_order_relaxed);
  counters.port_packets = port_packets_.load(std::memory_order_relaxed);
  return counters;
}

// ---- tokens and delivery

bool IocpEngine::post(uintptr_t key) {
  return PostQueuedCompletionStatus(port_.get(), 0, key, nullptr) != 0;
}

// Posts as many tokens as there is use for; gives the error where it could not. With the mutex
// held.
uint32_t IocpEngine::wake_workers() {
  while (!starved_.load(std::memory_order_relaxed) && issue_tokens_ < issue_tokens_max_ &&
         in_flight_ < tuning_.in_flight_max && issue_tokens_ * kIssueBatchMax < transfers_.size()) {
    if (!post(kIssueKey)) return starve(GetLastError());
    ++issue_tokens_;
  }
  while (blocking_tokens_ < blocking_tokens_max_ &&
         blocking_tokens_ - blocking_running_ < blocking_.size()) {
    if (!post(kBlockingKey)) return starve(GetLastError());
    ++blocking_tokens_;
  }
  return ERROR_SUCCESS;
}

uint32_t IocpEngine::starve(uint32_t error) {
  starved_.store(true, std::memory_order_relaxed);
  return error;
}

void IocpEngine::deliver(OperationList completed) {
  if (completed.empty()) return;
  for (Operation* op = completed.front(); op; op = op->next) {
    op->state.store(OperationState::kCompleted, std::memory_order_relaxed);
  }
  sink_.complete(std::move(completed));
}

void IocpEngine::count_out(size_t count) {
  if (count == 0) return;
  std::lock_guard lock(mutex_);
  in_engine_ -= count;
  if (in_engine_ == 0) drained_.notify_all();
}

// ---- workers

void IocpEngine::run_worker(Worker& worker) {
  worker.target.interrupt.bind();
  for (;;) {
    Packets packets = take_packets();
    if (packets.stop) {
      post(kStopKey);
      return;
    }
    return_extra_tokens(packets);
    if (packets.transfers > 0 || packets.timed_out) {
      end_transfers(std::move(packets.completed), std::move(packets.refused), true, 0);
    }
    if (packets.issue_tokens > 0) issue_transfers();
    if (packets.blocking_tokens > 0) run_blocking_operation(worker);
  }
}

IocpEngine::Packets IocpEngine::take_packets() {
  Packets packets;
  std::array<OVERLAPPED_ENTRY, kPacketBatchMax> entries;
  ULONG count = 0;
  const DWORD wait_ms = starved_.load(std::memory_order_relaxed) ? kStarvedWaitMs : INFINITE;
  if (!GetQueuedCompletionStatusEx(port_.get(), entries.data(), kPacketBatchMax, &count, wait_ms,
                                   FALSE)) {
    // The only other failure is that of a closed port, and it lives longer than the workers.
    packets.timed_out = true;
    return packets;
  }
  for (ULONG i = 0; i < count; ++i) {
    switch (entries[i].lpCompletionKey) {
      case kTransferKey: {
        auto* const overlapped = static_cast<OverlappedTransfer*>(entries[i].lpOverlapped);
        take_transfer_packet(*overlapped->operation, packets);
        break;
      }
      case kIssueKey:
        ++packets.issue_tokens;
        break;
      case kBlockingKey:
        ++packets.blocking_tokens;
        break;
      case kStopKey:
        packets.stop = true;
        break;
      default:
        break;
    }
  }
  port_packets_.fetch_add(packets.transfers, std::memory_order_relaxed);
  return packets;
}

void IocpEngine::take_transfer_packet(Operation& op, Packets& packets) {
  ++packets.transfers;
  // The issuing call has not returned yet: its thread goes on with the operation.
  if (op.holders.fetch_sub(1) != 1) return;
  const Issued issued = settle(op) ? issue(op) : Issued::kComplete;
  if (issued == Issued::kComplete) packets.completed.push_back(&op);
  if (issued == Issued::kRefused) packets.refused.push_back(&op);
}

// One look may bring tokens that other workers could use; this one keeps one of each kind. An
// issue token need not be posted again: who issues calls for more as there is use.
void IocpEngine::return_extra_tokens(Packets& packets) {
  if (packets.issue_tokens < 2 && packets.blocking_tokens < 2) return;
  std::lock_guard lock(mutex_);
  if (packets.issue_tokens > 1) issue_tokens_ -= packets.issue_tokens - 1;
  for (; packets.blocking_tokens > 1; --packets.blocking_tokens) {
    if (!post(kBlockingKey)) --blocking_tokens_;
  }
}

// ---- transfers

// Makes the next call of a transfer; more than one where a call ends before it has returned here.
// When this gives kPending, the operation may already be gone.
IocpEngine::Issued IocpEngine::issue(Operation& op) {
  const HANDLE handle = op.file->handle();
  for (;;) {
    if (op.cancel_requested.load(std::memory_order_acquire)) {
      op.never_began = op.transferred == 0;
      continue_transfer(op, ERROR_OPERATION_ABORTED, 0);
      return Issued::kComplete;
    }
    op.holders.store(2);
    const uint32_t error = tuning_.start(op);
    if (!posts_packet(error)) {
      if (is_shortage(error)) return Issued::kRefused;
      continue_transfer(op, error, 0);
      return Issued::kComplete;
    }
    if (error != ERROR_IO_PENDING) inline_completions_.fetch_add(1, std::memory_order_relaxed);
    if (op.cancel_requested.load(std::memory_order_seq_cst)) CancelIoEx(handle, &op.overlapped);
    if (op.holders.fetch_sub(1) != 1) return Issued::kPending;
    if (!settle(op)) return Issued::kComplete;
  }
}

// Reads what a call that is over came to. True when the transfer has another one to make.
bool IocpEngine::settle(Operation& op) {
  DWORD moved = 0;
  const BOOL done = GetOverlappedResult(op.file->handle(), &op.overlapped, &moved, FALSE);
  return continue_transfer(op, done ? ERROR_SUCCESS : GetLastError(), moved);
}

OperationList IocpEngine::take_transfers() {
  OperationList batch;
  std::lock_guard lock(mutex_);
  if (starved_.load(std::memory_order_relaxed)) return batch;
  while (batch.size() < kIssueBatchMax && in_flight_ < tuning_.in_flight_max) {
    Operation* const op = transfers_.pop_front();
    if (!op) break;
    op->state.store(OperationState::kRunning, std::memory_order_relaxed);
    batch.push_back(op);
    ++in_flight_;
  }
  return batch;
}

void IocpEngine::issue_transfers() {
  OperationList batch = take_transfers();
  OperationList completed;
  while (Operation* const op = batch.pop_front()) {
    const Issued issued = issue(*op);
    if (issued == Issued::kComplete) completed.push_back(op);
    if (issued == Issued::kRefused) {
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
  const size_t count = completed.size();
  deliver(std::move(completed));
  std::lock_guard lock(mutex_);
  issue_tokens_ -= tokens;
  in_engine_ -= count;
  in_flight_ -= count + refused.size();
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
  if (in_engine_ == 0) drained_.notify_all();
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
  {
    std::lock_guard lock(mutex_);
    worker.current = nullptr;
    worker.target.execution = 0;
  }
  OperationList completed;
  completed.push_back(op);
  deliver(std::move(completed));
  std::lock_guard lock(mutex_);
  --blocking_running_;
  --blocking_tokens_;
  wake_workers();
  if (--in_engine_ == 0) drained_.notify_all();
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
