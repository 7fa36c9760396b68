#pragma once

#include <cstdint>

#include "result.h"

namespace overlapped {

// Gives the calling thread, and threads that it starts later, the priority of kIoIdle or kIoLow.
// Linux only; elsewhere it fails with ENOTSUP.
Result set_io_priority_of_thread(uint32_t options);

}  // namespace overlapped
