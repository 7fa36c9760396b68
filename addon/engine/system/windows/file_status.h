#pragma once

#include <string>

#include "operation.h"

namespace overlapped {

// Executes kStat, kStatPath and kLstatPath: fills in detail->status.
Result read_file_status(Operation& operation);

// The status of what a handle is open on; of a link, opened as such, that of the link.
Result status_of_entry(HANDLE handle, FileStatus& status);

// What readlink() gives for a symbolic link or a junction. Not every reparse point is one:
// ERROR_SYMLINK_NOT_SUPPORTED then.
Result link_target(HANDLE handle, std::wstring& target);

}  // namespace overlapped
