#include <algorithm>
#include <chrono>
#include <thread>

#include "../windows_io.h"
#include "locks.h"

namespace overlapped {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPauseMin{1};
constexpr milliseconds kPauseMax{32};

struct Range {
  explicit Range(const Operation& op) {
    const auto begin = static_cast<uint64_t>(op.file_offset);
    const uint64_t length = op.length > 0 ? op.length : ~uint64_t{0} - begin;
    overlapped.Offset = static_cast<DWORD>(begin);
    overlapped.OffsetHigh = static_cast<DWORD>(begin >> 32);
    low = static_cast<DWORD>(length);
    high = static_cast<DWORD>(length >> 32);
  }

  OVERLAPPED overlapped{};
  DWORD low = 0;
  DWORD high = 0;
};

Result try_lock(const Operation& op) {
  const HANDLE handle = op.file->handle();
  const DWORD flags = (op.flags & kLockExclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0) |
                      static_cast<DWORD>(LOCKFILE_FAIL_IMMEDIATELY);
  Range range(op);
  const PrivateEvent event(range.overlapped);
  if (!event.valid()) return Result::failure(GetLastError());
  return event.result_of(handle,
                         LockFileEx(handle, flags, 0, range.low, range.high, &range.overlapped));
}

}  // namespace

// A LockFileEx that waits on a synchronous handle would keep every other call on that handle
// waiting too, the unlock included. So a range that another holds is asked for again after a pause.
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
  Range range(op);
  const HANDLE handle = op.file->handle();
  const PrivateEvent event(range.overlapped);
  if (!event.valid()) return Result::failure(GetLastError());
  return event.result_of(handle, UnlockFileEx(handle, 0, range.low, range.high, &range.overlapped));
}

}  // namespace overlapped
