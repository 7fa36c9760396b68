#pragma once

#include "operation.h"

namespace overlapped {

// Executes kLock. The lock belongs to the open file, and goes with its close. False when another
// holds the range, the operation is to wait for it and may_wait is not set: nothing has happened
// then.
bool lock_range(Operation& operation);

// Executes kUnlock.
Result unlock_range(Operation& operation);

}  // namespace overlapped
