#pragma once

#include "operation.h"

namespace overlapped {

// The largest file that kReadPath reads in one operation; a larger one is returned open.
inline constexpr size_t kReadPathMax = 512 * 1024;

// Executes an operation with blocking calls on the calling thread and stores its result. An
// interrupted call ends as canceled if a cancel was requested, and is repeated otherwise. kOpen and
// kReadPath open synchronous handles.
//
// Returns false if an operation in the bounded lane (may_wait is not set) turns out to wait for
// another party; it must then run again in the other lane.
//
// If memory runs out, the operation ends with kNoMemoryError, because a worker has no caller that
// could catch the exception.
bool run_blocking(Operation& operation);

// The platform's part of run_blocking(); it may throw std::bad_alloc.
bool run_blocking_call(Operation& operation);

// The operations that all platforms share: no transfers, and nothing that opens a file.
Result run_on_metadata(Operation& operation);

// Whether an operation may wait for anything but a disk: a transfer on a pipe, a pipe server that
// waits for a client, a flush (which on Windows waits until the other side of a pipe has read
// everything), the close of a serial port, or new settings for it (both drain the output first).
inline bool may_wait_for_others(const Operation& operation) {
  switch (operation.traits().waiting) {
    case Waiting::kNever:
      return false;
    case Waiting::kUnlessDisk:
      return !operation.file->is_disk();
    case Waiting::kAlways:
      return true;
  }
  return false;
}

// Opens a file: handle, device type, alignment, preallocation, deletion on close.
Result open_file(const OpenRequest& request, HandleMode mode, std::unique_ptr<OpenFile>& opened);

#ifndef _WIN32
// Creates an OpenFile for a descriptor that other code opened and will close. Returns null and
// stores the error in `result` on failure.
std::unique_ptr<OpenFile> borrow_file(NativeHandle handle, Result& result);
#endif

}  // namespace overlapped
