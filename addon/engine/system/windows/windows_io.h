#pragma once

#include <cstddef>
#include <cstdint>

#include "operation.h"

// What transfers on synchronous and on overlapped handles have in common: where they begin, how
// they go on from one buffer to the next, and what their errors mean. A lock that waits at the
// port, and a pipe that waits for a client, are transfers that move nothing.
namespace overlapped {

// The most that one ReadFile or WriteFile is asked for. Their count is a DWORD; a whole number of
// pages below 2^31 keeps the rest of a split transfer aligned, and is Linux's limit too.
inline constexpr size_t kTransferMax = 0x7ffff000;

// Closes what it holds.
class UniqueHandle {
 public:
  UniqueHandle() = default;
  explicit UniqueHandle(HANDLE handle) : handle_(handle) {}
  ~UniqueHandle() {
    if (valid()) CloseHandle(handle_);
  }
  UniqueHandle(UniqueHandle&& other) noexcept : handle_(other.release()) {}
  UniqueHandle& operator=(UniqueHandle&&) = delete;
  UniqueHandle(const UniqueHandle&) = delete;
  UniqueHandle& operator=(const UniqueHandle&) = delete;

  HANDLE get() const { return handle_; }
  // Some functions say null where they fail, others INVALID_HANDLE_VALUE.
  bool valid() const { return handle_ != nullptr && handle_ != INVALID_HANDLE_VALUE; }
  void reset(HANDLE handle) {
    if (valid()) CloseHandle(handle_);
    handle_ = handle;
  }
  HANDLE release() {
    const HANDLE handle = handle_;
    handle_ = nullptr;
    return handle;
  }

 private:
  HANDLE handle_ = nullptr;
};

// Raises the least and the most memory that the process keeps resident by so many bytes, so that
// more buffers can be locked for transfers. Gives the new least in bytes, or the error.
Result grow_working_set(size_t bytes);

// Sets a transfer to its beginning. False when there is nothing to move: then it has its result,
// and no call is needed.
bool begin_transfer(Operation& operation);

// Makes the next ReadFile or WriteFile of a transfer and gives its error, 0 for success. With
// `moved` the call is synchronous and the count goes there; without, it is overlapped, and the
// count comes with the packet, or when `event` is signalled.
uint32_t start_transfer(Operation& operation, size_t* moved, HANDLE event);

// The bytes that a kLock or kUnlock is for.
inline uint64_t lock_length(const Operation& operation) {
  const uint64_t to_end = ~uint64_t{0} - static_cast<uint64_t>(operation.file_offset);
  return operation.length > 0 ? operation.length : to_end;
}

// Makes the LockFileEx of a kLock, at the position in `overlapped`, and gives its error.
uint32_t start_lock(const Operation& operation, uint32_t lock_flags, OVERLAPPED& overlapped);

// Takes what the last call came to. True when the transfer has another call to make; otherwise it
// has its result, and the cursor of the handle stands behind what was moved.
bool continue_transfer(Operation& operation, uint32_t error, size_t moved);

// Does a whole transfer, waiting for each of its calls. An interrupted one ends as cancelled when
// `cancel_requested` is set, and is repeated otherwise.
void transfer_synchronously(Operation& operation, const std::atomic<bool>& cancel_requested);

// An event of its own for one call on an overlapped handle that is waited for where it is made. The
// low bit of the event keeps the call's packet from the handle's port (GetQueuedCompletionStatus).
class PrivateEvent {
 public:
  explicit PrivateEvent(OVERLAPPED& overlapped);
  bool valid() const { return event_.valid(); }

  // Waits for the end of a call that has returned `done`; gives its count, also beside an error.
  Result result_of(HANDLE handle, BOOL done, DWORD count = 0) const;

 private:
  OVERLAPPED& overlapped_;
  UniqueHandle event_;
};

struct ControlInput {
  void* data = nullptr;
  DWORD size = 0;
};
struct ControlOutput {
  void* data = nullptr;
  DWORD size = 0;
};

// DeviceIoControl, waiting for its end on overlapped handles too. Beside ERROR_MORE_DATA the value
// is the count of bytes all the same.
Result control_device(HANDLE handle, DWORD code, ControlInput input, ControlOutput output);

// The same with output only.
Result query_device(HANDLE handle, DWORD code, void* output, DWORD size);

}  // namespace overlapped
