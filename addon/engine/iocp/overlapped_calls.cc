#include "overlapped_calls.h"

#include "system/windows/ntdll.h"
#include "system/windows/windows_io.h"

namespace overlapped {

OverlappedCalls::Outcome OverlappedCalls::issue(Operation& op) {
  const HANDLE handle = op.file->handle();
  for (;;) {
    if (op.cancel_requested.load(std::memory_order_acquire)) {
      op.never_began = op.transferred == 0;
      continue_transfer(op, ERROR_OPERATION_ABORTED, 0);
      return Outcome::kComplete;
    }
    CHECK_INVARIANT(op.state.load() == OperationState::kRunning);
    op.holders.store(2);
    const uint32_t error = start_(op);
    if (!is_accepted(error)) {
      if (repeats_refused_call(op, error)) return Outcome::kRefused;
      continue_transfer(op, error, 0);
      return Outcome::kComplete;
    }
    if (error != ERROR_IO_PENDING) {
      inline_completions_.fetch_add(1, std::memory_order_relaxed);
      // No packet follows, so this thread is the only one that has the operation.
      if (op.file->skips_packets) {
        if (!settle(op)) return Outcome::kComplete;
        continue;
      }
    }
    if (op.cancel_requested.load(std::memory_order_seq_cst)) CancelIoEx(handle, &op.overlapped);
    if (op.holders.fetch_sub(1) != 1) return Outcome::kPending;
    if (!settle(op)) return Outcome::kComplete;
  }
}

OverlappedCalls::Outcome OverlappedCalls::take_packet(Operation& op) {
  CHECK_INVARIANT(op.holders.load() > 0);
  // If the issuing call has not returned yet, its thread continues the operation.
  if (op.holders.fetch_sub(1) != 1) return Outcome::kPending;
  return settle(op) ? Outcome::kUnfinished : Outcome::kComplete;
}

// Reads the result of a call that has ended. True when the transfer has another one to make.
bool OverlappedCalls::settle(Operation& op) {
  // The system has written the status and the count, and the common status needs no translation.
  if (op.overlapped.Internal == 0) {
    return continue_transfer(op, ERROR_SUCCESS, static_cast<size_t>(op.overlapped.InternalHigh));
  }
  DWORD moved = 0;
  const BOOL done = GetOverlappedResult(op.file->handle(), &op.overlapped, &moved, FALSE);
  return continue_transfer(op, done ? ERROR_SUCCESS : GetLastError(), moved);
}

}  // namespace overlapped
