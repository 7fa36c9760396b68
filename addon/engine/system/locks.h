#pragma once

#include "operation.h"

namespace overlapped {

// Executes kLock. The lock belongs to the open file and is released when that is closed. Returns
// false, without having done anything, if the range is locked by another handle, the operation
// should wait for it, and may_wait is not set.
bool lock_range(Operation& operation);

// Executes kUnlock.
Result unlock_range(Operation& operation);

}  // namespace overlapped
