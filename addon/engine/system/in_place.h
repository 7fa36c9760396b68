#pragma once

#include "operation.h"

#ifdef __linux__
#include "system/posix/file_systems.h"
#endif

namespace overlapped {

#ifdef __linux__

// Whether the operation is one of those that try_in_place() knows.
bool may_be_done_in_place(const Operation& operation);

// Does an operation on the calling thread if the kernel promises not to wait: for a disk, a server,
// a lock, or another process. False if it does not promise, and then the operation is as it was,
// but for `transferred`. Only what is cached, on a local file system, is done.
bool try_in_place(Operation& operation, FileSystems& file_systems);

// Fills in the file system of an open file, if it is known.
void find_file_system(OpenFile& file, FileSystems& file_systems);

#else

// Other systems have no call that promises it.
class FileSystems {};
inline bool may_be_done_in_place(const Operation&) { return false; }
inline bool try_in_place(Operation&, FileSystems&) { return false; }
inline void find_file_system(OpenFile&, FileSystems&) {}

#endif

}  // namespace overlapped
