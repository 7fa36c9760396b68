#pragma once

#include "open_file.h"

namespace overlapped {

// Gives a handle the priority of kIoIdle or kIoLow (FileIoPriorityHintInfo of
// SetFileInformationByHandle, through the call of ntdll that it makes).
Result hint_priority(HANDLE handle, uint32_t options);

}  // namespace overlapped
