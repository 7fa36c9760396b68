#include "uring_engine.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "system/blocking.h"
#include "system/posix/uncached.h"

namespace overlapped {

namespace {

constexpr unsigned kSubmissionEntries = 1024;
// Operations that the ring holds at once. The completion queue has room for all of them and for the
// answers to as many cancels, so it never overflows.
constexpr unsigned kInFlightMax = 4096;
constexpr unsigned kCompletionEntries = 2 * kInFlightMax;
// The kernel copies a cached read on the submitting thread; from this size on the copy would hold
// up the event loop longer than a hand-over to a worker costs. That worker is one of ours: those of
// the kernel (IOSQE_ASYNC) copy no faster, and on a kernel without preemption they hold up the loop
// all the same (64 reads of 1 MiB in flight, 2 CPUs: its delay is 4 ms in the median, with ours 1).
constexpr size_t kInlineTransferMax = 64 * 1024;
constexpr size_t kTransferMax = 0x7ffff000;
// For this few reads preadv2(RWF_NOWAIT) costs less than a round of the ring: at one in flight 1.6
// against 2.2 us of kernel time per cached read of 4 KiB; from a batch of 16 on they are equal.
constexpr size_t kDirectReadsMax = 2;

uint64_t user_data_of(const Operation& operation) { return reinterpret_cast<uint64_t>(&operation); }

// Marks the answer to a cancel; addresses of operations are even.
constexpr uint64_t kCancelBit = 1;

size_t transfer_size(const Operation& op) {
  if (!op.is_vector()) return op.length;
  size_t size = 0;
  for (const IoVector& vector : op.detail->vectors) size += vector.iov_len;
  return size;
}

bool is_cached(const Operation& op) { return op.file->is_disk() && !op.file->unbuffered; }

bool is_trusted(const OpenFile& file) {
  const FileSystem file_system = file.file_system.load(std::memory_order_relaxed);
  return file.device_type() == DeviceType::kBlock || file_system == FileSystem::kLocal ||
         file_system == FileSystem::kLayered;
}

bool belongs_on_ring(const Operation& op) {
  if (!op.is_transfer()) {
    // The kernel does not give the priority of an entry to a sync.
    const bool is_sync = op.opcode == Opcode::kSync || op.opcode == Opcode::kDataSync;
    return is_sync && op.file->io_priority == 0;
  }
  if (op.file->caching == Caching::kAdvised) return false;
  // The ring would wait for a pipe or a terminal in spite of its O_NONBLOCK; read(2) does not. And
  // it pays no heed to a position there, where pread(2) fails.
  if (!op.file->is_disk()) {
    return !op.file->nonblocking && !op.file->times_out.load() && op.file_offset < 0;
  }
  // Some kernels end a transfer that would wait for a device with EAGAIN, again and again.
  if (op.file->nonblocking) return false;
  // The ring leaves the cursor where it is if the file system completes later, or if a transfer is
  // canceled in the middle; and it takes the size of a file for its end, which some do not know.
  if (op.file_offset < 0 || !is_trusted(*op.file)) return false;
  return !is_cached(op) || transfer_size(op) <= kInlineTransferMax;
}

// In a large batch a round of the ring costs less than a call for each of them.
bool is_for_ring(const Operation& op, bool few) {
  return op.opcode == Opcode::kRead && !few && belongs_on_ring(op);
}

}  // namespace

std::unique_ptr<Engine> UringEngine::create(CompletionSink& sink, std::string& reason) {
  std::unique_ptr<Ring> ring = Ring::create(kSubmissionEntries, kCompletionEntries, reason);
  if (!ring) return nullptr;
  return std::make_unique<UringEngine>(std::move(ring), sink);
}

UringEngine::UringEngine(std::unique_ptr<Ring> ring, CompletionSink& sink)
    : ring_(std::move(ring)), blocking_(ThreadPoolLimits{}, sink) {}

void UringEngine::submit(OperationList batch) {
  OperationList blocking;
  OperationList of_paths;
  const bool few = batch.size() <= kDirectReadsMax;
  while (Operation* const op = batch.pop_front()) {
    op->may_wait = may_wait_for_others(*op);
    in_place_.prepare(*op);
    if (may_be_shared(*op)) {
      op->engine_data = &blocking_;
      of_paths.push_back(op);
    } else if (!is_for_ring(*op, few || lost_ring_) && in_place_.try_run(*op)) {
      complete_inline(*op);
    } else if (!lost_ring_ && belongs_on_ring(*op)) {
      change_state(*op, OperationState::kQueued);
      // The owner of a borrowed descriptor may close it before an operation that waits here begins.
      if (in_ring_.size() + backlog_.size() >= kInFlightMax) op->file->keep();
      backlog_.push_back(op);
    } else {
      op->engine_data = &blocking_;
      blocking.push_back(op);
    }
  }
  blocking_.submit(std::move(blocking));
  OperationList done = in_place_.run_beside_workers(std::move(of_paths));
  while (Operation* const op = done.pop_front()) complete_inline(*op);
  if (backlog_.empty() && retries_.empty()) return;
  submitting_ = true;
  enter();
  submitting_ = false;
}

bool UringEngine::run_now(Operation& operation) {
  in_place_.prepare(operation);
  if (!in_place_.try_run_alone(operation)) return false;
  ++counters_.inline_completions;
  return true;
}

void UringEngine::complete_inline(Operation& operation) {
  change_state(operation, OperationState::kCompleted);
  ++counters_.inline_completions;
  completed_.push_back(&operation);
}

// Fills the submission queue from the backlog, as far as both queues have room.
void UringEngine::prepare_backlog() {
  CHECK_INVARIANT(in_ring_.size() <= kInFlightMax);
  while (!backlog_.empty() && in_ring_.size() < kInFlightMax) {
    io_uring_sqe* const entry = ring_->next_entry();
    if (!entry) return;
    Operation* const op = backlog_.pop_front();
    change_state(*op, OperationState::kRunning);
    prepare(*op, *entry);
    in_ring_.push_back(op);
  }
}

void UringEngine::prepare(Operation& op, io_uring_sqe& entry) {
  entry.fd = op.file->handle();
  entry.user_data = user_data_of(op);
  if (!op.is_transfer()) {
    entry.opcode = IORING_OP_FSYNC;
    if (op.opcode == Opcode::kDataSync) entry.fsync_flags = IORING_FSYNC_DATASYNC;
    return;
  }
  entry.off = static_cast<uint64_t>(op.file_offset);
  entry.ioprio = op.file->io_priority;
  entry.rw_flags = flags_of_transfers(*op.file);
  if (op.is_vector()) {
    entry.opcode = op.is_read() ? IORING_OP_READV : IORING_OP_WRITEV;
    entry.addr = reinterpret_cast<uint64_t>(op.detail->vectors.data());
    entry.len = static_cast<uint32_t>(op.detail->vectors.size());
  } else {
    entry.opcode = op.is_read() ? IORING_OP_READ : IORING_OP_WRITE;
    entry.addr = reinterpret_cast<uint64_t>(op.data);
    entry.len = static_cast<uint32_t>(std::min(op.length, kTransferMax));
  }
}

// Operations for which the kernel had no resources go first, since they are older.
void UringEngine::take_retries() {
  if (retries_.empty()) return;
  OperationList rest = std::move(backlog_);
  backlog_ = std::move(retries_);
  backlog_.append(std::move(rest));
}

void UringEngine::prepare_cancels() {
  while (!cancels_.empty()) {
    io_uring_sqe* const entry = ring_->next_entry();
    if (!entry) return;
    entry->opcode = IORING_OP_ASYNC_CANCEL;
    entry->fd = -1;
    Operation* const op = cancels_.back();
    cancels_.pop_back();
    op->cancel_in_flight = true;
    entry->addr = user_data_of(*op);
    entry->user_data = user_data_of(*op) | kCancelBit;
  }
}

// Submits everything that the ring accepts and processes completions. Ends when the backlog is
// empty or waits for operations in flight, so that each round makes progress.
void UringEngine::enter() {
  ring_->announce(false);
  ring_refused_ = false;
  take_retries();
  cancels_.insert(cancels_.end(), missed_cancels_.begin(), missed_cancels_.end());
  missed_cancels_.clear();
  do {
    prepare_cancels();
    prepare_backlog();
    const unsigned offered = ring_->unsubmitted();
    if (offered == 0 && !ring_->has_deferred()) break;
    const int error = ring_->enter(0);
    reap();
    if (error != 0 && !is_refusal(error)) return lose_ring(error);
    // The entries stay in the queue and go with the next enter().
    if (error != 0 || (offered > 0 && ring_->unsubmitted() == offered)) {
      ++counters_.retried;
      ring_refused_ = true;
      break;
    }
    // Before Linux 5.18 the kernel stops behind an entry that fails at once, and the rest stays.
  } while (ring_->has_unsubmitted() || (!backlog_.empty() && in_ring_.size() < kInFlightMax) ||
           !cancels_.empty());
  refusals_ = ring_refused_ ? refusals_ : 0;
  reap();
  ring_->announce(true);
}

// EAGAIN and EBUSY: the kernel is temporarily short of memory or of room for completions.
bool UringEngine::is_refusal(int error) {
  constexpr size_t kRefusalsMax = 1000;
  ++refusals_;
  return (error == EAGAIN || error == EBUSY) && refusals_ < kRefusalsMax;
}

// From here on the workers do everything. They repeat the operations that the kernel had, once it
// has released them.
void UringEngine::lose_ring(int error) {
  reap();
  OperationList untaken;
  while (const uint64_t user_data = ring_->take_back()) {
    if (user_data & kCancelBit) continue;
    Operation& op = *reinterpret_cast<Operation*>(user_data);
    in_ring_.remove(&op);
    untaken.push_back(&op);
  }
  cancels_.clear();
  missed_cancels_.clear();
  OperationList orphans;
  while (Operation* const op = in_ring_.pop_front()) {
    op->cancel_in_flight = false;
    op->engine_data = &blocking_;
    const bool is_done = op->state.load(std::memory_order_relaxed) == OperationState::kCompleted;
    (is_done ? completed_ : orphans).push_back(op);
  }
  lost_reason_ = std::string("io_uring_enter: ") + strerror(error) +
                 ", denied after the start (as by a seccomp filter); worker threads serve instead";
  lost_ring_ = std::make_unique<LostRing>(ring_->close(), std::move(orphans), blocking_);
  untaken.append(std::move(retries_));
  untaken.append(std::move(backlog_));
  for (Operation* op = untaken.front(); op; op = op->next) op->engine_data = &blocking_;
  blocking_.submit(std::move(untaken));
}

void UringEngine::reap() {
  if (lost_ring_) return;
  while (const io_uring_cqe* const completion = ring_->peek()) {
    const uint64_t user_data = completion->user_data;
    const int32_t result = completion->res;
    ring_->consume();
    Operation& op = *reinterpret_cast<Operation*>(user_data & ~kCancelBit);
    if (user_data & kCancelBit) {
      settle_cancel(op, result);
    } else {
      settle(op, result);
    }
  }
}

void UringEngine::settle(Operation& op, int32_t result) {
  CHECK_INVARIANT(op.state.load() == OperationState::kRunning);
  const bool short_of_resources = result == -EAGAIN && op.file->is_disk();
  const bool cancel_requested = op.cancel_requested.load();
  if (short_of_resources && !cancel_requested) {
    // Law 5: again, after other completions.
    ++counters_.retried;
    in_ring_.remove(&op);
    change_state(op, OperationState::kQueued);
    retries_.push_back(&op);
    return;
  }
  if (result == -ECANCELED && !cancel_requested) return hand_to_own_worker(op);
  if (op.is_transfer() && lacks_flags(*op.file, -result)) return hand_to_own_worker(op);
  const bool interrupted = cancel_requested && (result == -EINTR || short_of_resources);
  if (interrupted || result == -ECANCELED) {
    op.result = Result::cancelled();
  } else if (result < 0) {
    op.result = Result::failure(static_cast<uint32_t>(-result));
  } else {
    op.result = Result::success(result);
  }
  if (cancel_requested) {
    std::erase(cancels_, &op);
    std::erase(missed_cancels_, &op);
  }
  change_state(op, OperationState::kCompleted);
  // An unanswered cancel names the address, which must not belong to another operation by then.
  if (!op.cancel_in_flight) finish(op);
}

// The kernel ends operations for which it has no worker, for instance if signals or a limit on
// threads prevent one (io_uring/io-wq.c). They have had no effect.
void UringEngine::hand_to_own_worker(Operation& op) {
  ++counters_.retried;
  in_ring_.remove(&op);
  op.engine_data = &blocking_;
  OperationList handed;
  handed.push_back(&op);
  blocking_.submit(std::move(handed));
}

void UringEngine::settle_cancel(Operation& op, int32_t result) {
  CHECK_INVARIANT(op.cancel_in_flight);
  op.cancel_in_flight = false;
  if (op.state.load(std::memory_order_relaxed) == OperationState::kCompleted) return finish(op);
  // The kernel does not find a transfer that it is about to retry: a pipe that was readable may be
  // empty by then, and the transfer would keep waiting. One on a disk ends by itself.
  if (result == -ENOENT && !op.file->is_disk()) missed_cancels_.push_back(&op);
}

void UringEngine::finish(Operation& op) {
  CHECK_INVARIANT(is_complete(op) && !op.cancel_in_flight);
  in_ring_.remove(&op);
  if (submitting_) ++counters_.inline_completions;
  completed_.push_back(&op);
}

OperationList UringEngine::poll() {
  if (lost_ring_) return std::move(completed_);
  reap();
  if (ring_->has_deferred() || ring_->has_unsubmitted() || !backlog_.empty() || !retries_.empty() ||
      !cancels_.empty() || !missed_cancels_.empty()) {
    enter();
  }
  return std::move(completed_);
}

bool UringEngine::has_unannounced() const {
  if (lost_ring_) return !completed_.empty();
  return !completed_.empty() || !retries_.empty() || !missed_cancels_.empty() || ring_refused_ ||
         ring_->has_completions() || ring_->has_deferred() || ring_->has_unsubmitted();
}

void UringEngine::cancel(Operation& operation) {
  if (operation.engine_data) return blocking_.cancel(operation);
  if (request_end(operation)) enter();
}

void UringEngine::cancel_all(std::span<Operation* const> operations) {
  bool is_to_enter = false;
  for (Operation* const op : operations) {
    if (op->engine_data) {
      blocking_.cancel(*op);
    } else if (request_end(*op)) {
      is_to_enter = true;
    }
  }
  if (is_to_enter) enter();
}

// Takes the operation out of the queue, or prepares a request to the kernel and returns true.
bool UringEngine::request_end(Operation& operation) {
  const OperationState state = operation.state.load(std::memory_order_relaxed);
  if (operation.cancel_requested.load() || state == OperationState::kCompleted) return false;
  operation.cancel_requested.store(true);
  if (state == OperationState::kQueued) {
    take_retries();
    backlog_.remove(&operation);
    cancel_unbegun(operation);
    change_state(operation, OperationState::kCompleted);
    completed_.push_back(&operation);
    return false;
  }
  cancels_.push_back(&operation);
  return true;
}

bool UringEngine::drain(Deadline deadline) {
  while (!lost_ring_ && (!in_ring_.empty() || !backlog_.empty() || !retries_.empty())) {
    enter();
    if (lost_ring_) break;
    const bool waits = !in_ring_.empty() && retries_.empty() && missed_cancels_.empty();
    const int error = waits && !ring_->has_completions() ? ring_->wait(deadline) : 0;
    if (error != 0 && !is_refusal(error)) lose_ring(error);
    reap();
    if (deadline && std::chrono::steady_clock::now() > *deadline) return false;
  }
  return (!lost_ring_ || lost_ring_->wait(deadline)) && blocking_.drain(deadline);
}

}  // namespace overlapped
