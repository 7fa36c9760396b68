#pragma once

#include "operation.h"

namespace overlapped {

// Opens a file so that several transfers on it can be in flight. A console, which takes no
// overlapped calls, gets a synchronous handle.
Result open_for_transfers(const OpenRequest& request, std::unique_ptr<OpenFile>& opened);

// Opens the file of a synchronous handle anew for that. What the first open created or truncated is
// not created or truncated again.
Result reopen_for_transfers(const OpenRequest& request, std::unique_ptr<OpenFile>& opened);

}  // namespace overlapped
