#include <algorithm>
#include <chrono>
#include <thread>

#include "windows_io.h"
#include "system/locks.h"

namespace overlapped {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPauseMin{1};
constexpr milliseconds kPauseMax{32};

OVERLAPPED at_position(const Operation& op) {
  const auto begin = static_cast<uint64_t>(op.file_offset);
  OVERLAPPED overlapped{};
  overlapped.Offset = static_cast<DWORD>(begin);
  overlapped.OffsetHigh = static_cast<DWORD>(begin >> 32);
  return overlapped;
}

Result try_lock(const Operation& op) {
  OVERLAPPED overlapped = at_position(op);
  const PrivateEvent event(overlapped);
  if (!event.valid()) return last_error();
  const uint32_t error = start_lock(op, op.flags & ~static_cast<uint32_t>(kLockWait), overlapped);
  SetLastError(error);
  return event.result_of(op.file->handle(), error == ERROR_SUCCESS);
}

}  // namespace

// A waiting LockFileEx on a synchronous handle would block every other call on that handle, even
// the unlock. So a range that is locked by another handle is retried after a pause.
bool lock_range(Operation& op) {
  const bool waits = (op.flags & kLockWait) != 0;
  milliseconds pause = kPauseMin;
  for (;;) {
    op.result = try_lock(op);
    if (op.result.os_error != ERROR_LOCK_VIOLATION || !waits) return true;
    if (!op.may_wait) return false;
    if (op.cancel_requested.load(std::memory_order_acquire)) {
      op.result = Result::cancelled();
      return true;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kPauseMax);
  }
}

Result unlock_range(Operation& op) {
  OVERLAPPED overlapped = at_position(op);
  const PrivateEvent event(overlapped);
  if (!event.valid()) return last_error();
  const HANDLE handle = op.file->handle();
  const uint64_t length = lock_length(op);
  return event.result_of(handle, UnlockFileEx(handle, 0, static_cast<DWORD>(length),
                                              static_cast<DWORD>(length >> 32), &overlapped));
}

}  // namespace overlapped
