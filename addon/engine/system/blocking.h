#pragma once

#include "operation.h"

namespace overlapped {

// The largest file that kReadPath reads in one go; a larger one comes back open.
inline constexpr size_t kReadPathMax = 512 * 1024;

// Executes an operation with blocking calls on the calling thread and fills in its result. An
// interrupted call ends as cancelled if a cancel was requested and is repeated otherwise. kOpen and
// kReadPath make synchronous handles.
//
// False when an operation in the bounded lane (may_wait is not set) turns out to wait for somebody
// else; then it is to be run again in the other lane.
//
// What throws for want of memory ends with kNoMemoryError: a worker has nobody above it to catch
// it.
bool run_blocking(Operation& operation);

// The part of run_blocking() that is the system's own, and may throw std::bad_alloc.
bool run_blocking_call(Operation& operation);

// The part of it that every system has alike: what is no transfer and opens nothing.
Result run_on_metadata(Operation& operation);

// Whether an operation may wait for another party than a disk: a transfer on a pipe, a client that
// is to connect, a flush (which on Windows waits until the other side of a pipe has read
// everything), the close of a serial port or its new settings (which first let out what was
// written).
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
// An OpenFile for a descriptor that others have opened, and will close. Null with the error in
// `result`.
std::unique_ptr<OpenFile> borrow_file(NativeHandle handle, Result& result);

// The same open file by a descriptor of its own, with the cursor that both share. Null where the
// process has no descriptor left.
std::unique_ptr<OpenFile> duplicate_file(const OpenFile& file);
#endif

}  // namespace overlapped
