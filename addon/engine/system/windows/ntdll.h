#pragma once

#include "result.h"

// Functions of ntdll.dll without a counterpart in kernel32. Each has a fallback for systems that do
// not export it.
namespace overlapped {

// Whether the last failed call of this thread, which reported `error`, still posts a packet to the
// port. The kernel omits the packet only after a status of the severity "error"; a warning, such as
// STATUS_BUFFER_OVERFLOW behind ERROR_MORE_DATA, posts a packet.
// https://learn.microsoft.com/windows-hardware/drivers/kernel/using-ntstatus-values
bool posts_packet(uint32_t error);

// The access rights that a handle was granted; all rights if the system does not report them.
uint32_t granted_access(HANDLE handle);

// Makes the data of a file durable, without the metadata that is not needed to read it back
// (NtFlushBuffersFileEx with FLUSH_FLAGS_FILE_DATA_SYNC_ONLY). Falls back to FlushFileBuffers on
// file systems and versions of Windows that lack it.
Result flush_data(HANDLE handle);

}  // namespace overlapped
