#pragma once

#include "result.h"

// The functions of ntdll.dll that have no counterpart in kernel32. Each falls back where the system
// does not export it.
namespace overlapped {

// Whether the last failed call of this thread that gave `error` still posts a packet to the port.
// The kernel leaves the packet out only where it returned a status of the severity "error"; a
// warning, such as STATUS_BUFFER_OVERFLOW behind ERROR_MORE_DATA, has a packet.
// https://learn.microsoft.com/windows-hardware/drivers/kernel/using-ntstatus-values
bool posts_packet(uint32_t error);

// The access rights that a handle was granted; all of them where the system does not say.
uint32_t granted_access(HANDLE handle);

// Makes the data of a file durable, without the metadata that reading it does not need
// (NtFlushBuffersFileEx with FLUSH_FLAGS_FILE_DATA_SYNC_ONLY). File systems and versions of Windows
// without that get FlushFileBuffers.
Result flush_data(HANDLE handle);

}  // namespace overlapped
