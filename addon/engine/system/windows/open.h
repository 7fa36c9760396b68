#pragma once

#include "operation.h"

namespace overlapped {

// Opens a file so that several transfers can be in flight on it. A console, which does not support
// overlapped calls, gets a synchronous handle.
Result open_for_transfers(const OpenRequest& request, std::unique_ptr<OpenFile>& opened);

// Reopens the file of a synchronous handle for such transfers. The file is not created or truncated
// a second time.
Result reopen_for_transfers(const OpenRequest& request, std::unique_ptr<OpenFile>& opened);

}  // namespace overlapped
