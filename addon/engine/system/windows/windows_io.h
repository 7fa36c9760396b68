#pragma once

#include <cstddef>
#include <cstdint>

#include "operation.h"

// The parts that transfers on synchronous and overlapped handles share: where they begin, how they
// advance from one buffer to the next, and what their errors mean. A lock that waits at the port
// and a pipe that waits for a client count as transfers that move nothing.
namespace overlapped {

// The maximum length of a single ReadFile or WriteFile. Their count is a DWORD; a whole number of
// pages below 2^31 keeps the remainder of a split transfer aligned, and is also Linux's limit.
inline constexpr size_t kTransferMax = 0x7ffff000;

// Shortened calls are for whole multiples of this, which keeps unbuffered transfers aligned.
inline constexpr size_t kShortenedUnit = 64 * 1024;

// Owns a handle and closes it.
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
  // On failure some functions return null, others INVALID_HANDLE_VALUE.
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

inline Result last_error() { return Result::failure(GetLastError()); }

// The result of a call that returns whether it has succeeded.
inline Result result_of(BOOL done) { return done ? Result::success(0) : last_error(); }

// Whether an error means that a file system or a version of Windows does not know a request.
bool is_unsupported(uint32_t error);

// Raises the minimum and maximum working set of the process by a number of bytes, so that more
// buffers can be locked for transfers. Returns the new minimum in bytes, or the error.
Result grow_working_set(size_t bytes);

// Prepares a transfer. Returns false if there is nothing to move; the transfer then has its result,
// and no call is needed.
bool begin_transfer(Operation& operation);

// Makes the next ReadFile or WriteFile of a transfer and returns its error, 0 for success. With
// `moved` the call is synchronous and stores its count there; without it the call is overlapped,
// and the count arrives with the packet, or once `event` is signaled.
uint32_t start_transfer(Operation& operation, size_t* moved, HANDLE event);

// The number of bytes that a kLock or kUnlock covers.
inline uint64_t lock_length(const Operation& operation) {
  const uint64_t to_end = ~uint64_t{0} - static_cast<uint64_t>(operation.file_offset);
  return operation.length > 0 ? operation.length : to_end;
}

// Calls LockFileEx for a kLock, at the position in `overlapped`, and returns its error.
uint32_t start_lock(const Operation& operation, uint32_t lock_flags, OVERLAPPED& overlapped);

// A call that the system refuses for lack of resources is made again so many times. Then its
// transfer fails.
inline constexpr uint32_t kRefusalsMax = 100;

// Whether a call that failed with an error is to be made again after a while, because the system
// lacks resources. Each further call then asks for half as much, down to kShortenedUnit, and the
// transfer makes more calls instead. Only transfers of files and drives can be split this way.
bool repeats_refused_call(Operation& operation, uint32_t error);

// Processes the outcome of the last call. Returns true if the transfer needs another call;
// otherwise it has its result, and the cursor of the handle is after the bytes that were moved.
bool continue_transfer(Operation& operation, uint32_t error, size_t moved);

// Performs a whole transfer, waiting for each of its calls. An interrupted call ends as canceled if
// `cancel_requested` is set, and is repeated otherwise.
void transfer_synchronously(Operation& operation, const std::atomic<bool>& cancel_requested);

// A separate event for one call on an overlapped handle that is awaited where it is made. The low
// bit of the event keeps the call's packet from the handle's port (GetQueuedCompletionStatus).
class PrivateEvent {
 public:
  explicit PrivateEvent(OVERLAPPED& overlapped);
  bool valid() const { return event_.valid(); }

  // Waits until a call that returned `done` ends; returns its count, even along with an error.
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

// Calls DeviceIoControl and waits until it ends, on overlapped handles too. Along with
// ERROR_MORE_DATA the value is still the number of bytes.
Result control_device(HANDLE handle, DWORD code, ControlInput input, ControlOutput output);

// control_device() with output only.
Result query_device(HANDLE handle, DWORD code, void* output, DWORD size);

}  // namespace overlapped
