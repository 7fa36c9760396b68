#pragma once

#include "open_file.h"

// Queries to a newly opened file or device, and preallocation.
namespace overlapped {

DeviceType device_type_of(HANDLE handle);

// The size of a volume or drive in bytes; 0 if the device does not report it. Also makes a volume
// readable up to its real end.
int64_t size_of_device(HANDLE handle);

// The alignment that unbuffered transfers need.
Alignment alignment_of(HANDLE handle, DeviceType device_type);

// Reserves space without changing the size of the file.
Result preallocate(HANDLE handle, int64_t wanted);

}  // namespace overlapped
