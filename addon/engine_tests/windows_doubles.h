#pragma once

#include "replaced_call.h"
#include "system/windows/native_calls.h"

// Doubles of the functions that NativeCalls lists, for systems and devices that Wine cannot show.
namespace overlapped::testing {

// The functions of the system, which doubles call. A test sets them before it replaces any.
inline NativeCalls original_calls;

}  // namespace overlapped::testing
