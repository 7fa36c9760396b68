#pragma once

#include "operation.h"

namespace overlapped {

// Executes kSeek: moves the cursor of the handle and returns the new position.
Result seek(Operation& operation);

// Moves the cursor of a file immediately. No operation in flight may use the cursor.
Result move_cursor(OpenFile& file, int64_t position);

}  // namespace overlapped
