#pragma once

#include <cstdint>
#include <string>

#include "operation.h"

namespace overlapped {

// Windows counts time in ticks of 100 ns since 1601.
inline constexpr int64_t kTicksPerSecond = 10000000;
inline constexpr int64_t kNanosecondsPerTick = 100;
// From 1601 to 1970.
inline constexpr int64_t kEpochTicks = 116444736000000000;

// Executes kStat, kStatPath and kLstatPath: fills in detail->status.
Result read_file_status(Operation& operation);

// The status of a file as its folder lists it, without a number. Files that the system itself has
// open, such as the paging file, open for nobody, not even for their attributes.
Result listed_status(const PathString& path, FileStatus& status);

// The status of the object that a handle is open on; for a link opened as such, that of the link.
Result status_of_entry(HANDLE handle, FileStatus& status);

// The readlink() target of a symbolic link or junction. Fails with ERROR_SYMLINK_NOT_SUPPORTED for
// other reparse points.
Result link_target(HANDLE handle, std::wstring& target);

}  // namespace overlapped
