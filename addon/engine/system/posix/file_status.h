#pragma once

#ifdef __linux__
#include "linux_calls.h"
#endif

#include "operation.h"

namespace overlapped {

// Executes kStat, kStatPath and kLstatPath: fills in detail->status.
Result read_file_status(Operation& operation);

// Reads the status of a name in a directory without following it, or of the directory itself if the
// name is empty.
Result status_in(int directory, const char* name, FileStatus& status);

#ifdef __linux__
void to_file_status(const struct statx& from, FileStatus& status);

// Whether statx() has failed with this error because it is not available.
bool lacks_statx(int error);
#endif

}  // namespace overlapped
