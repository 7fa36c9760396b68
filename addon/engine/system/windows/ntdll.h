#pragma once

#include "result.h"

// Services that only functions of ntdll.dll offer.
namespace overlapped {

// Whether the last overlapped call of this thread, which reported `error`, is in flight or has
// ended with a count. Only a status of the severity "error" ends a call without one; a warning,
// such as STATUS_BUFFER_OVERFLOW behind ERROR_MORE_DATA, ends it as success does.
// https://learn.microsoft.com/windows-hardware/drivers/kernel/using-ntstatus-values
bool is_accepted(uint32_t error);

// The access rights that a handle was granted; all rights if the system does not report them.
uint32_t granted_access(HANDLE handle);

// Makes the data of a file durable, without the metadata that is not needed to read it back
// (NtFlushBuffersFileEx with FLUSH_FLAGS_FILE_DATA_SYNC_ONLY). Falls back to FlushFileBuffers on
// file systems and versions of Windows that do not support it, and only there.
Result flush_data(HANDLE handle);

}  // namespace overlapped
