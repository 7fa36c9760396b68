#pragma once

#include "operation.h"

namespace overlapped {

// Executes kStat, kStatPath and kLstatPath: fills in detail->status.
Result read_file_status(Operation& operation);

}  // namespace overlapped
