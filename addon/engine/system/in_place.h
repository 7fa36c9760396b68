#pragma once

#include "operation.h"

#ifdef __linux__
#include "system/posix/file_systems.h"
#endif

namespace overlapped {

// Copying this much from the page cache takes some microseconds, about as long as handing the
// operation to a worker.
inline constexpr size_t kReadInPlaceMax = 64 * 1024;
// One read at a time gains more: its consumer waits for it, and no worker has to wake up.
inline constexpr size_t kReadAloneMax = 256 * 1024;

struct InPlaceOptions {
  size_t read_max = kReadInPlaceMax;  // longer reads are not attempted
  // Memory of kReadInPlaceMax bytes, or null. kReadPath then reads there, and lends its content.
  std::byte* lent = nullptr;
};

#ifdef __linux__

// Whether try_in_place() supports the operation.
bool may_be_done_in_place(const Operation& operation);

// Runs an operation on the calling thread if the kernel guarantees not to wait: for a disk, a
// server, a lock, or another process. Otherwise returns false and leaves the operation unchanged,
// except for `transferred`. Only cached data on a local file system qualifies.
bool try_in_place(Operation& operation, FileSystems& file_systems,
                  const InPlaceOptions& options = {});

// Sets the file system of an open file, if it is known.
void find_file_system(OpenFile& file, FileSystems& file_systems);

#else

// Other systems have no call with that guarantee.
class FileSystems {};
inline bool may_be_done_in_place(const Operation&) { return false; }
inline bool try_in_place(Operation&, FileSystems&, const InPlaceOptions& = {}) { return false; }
inline void find_file_system(OpenFile&, FileSystems&) {}

#endif

}  // namespace overlapped
