#pragma once

#include "operation.h"

namespace overlapped {

// Executes kSeek: moves the cursor of the handle, and gives its new position.
Result seek(Operation& operation);

}  // namespace overlapped
