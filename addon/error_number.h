#pragma once

#include "engine/result.h"

namespace overlapped {

// The error of a failed operation as libuv's number, which is negative (UV_ENOENT, …). It is the
// same in every version of Node, though libuv's table of Windows errors is not.
int error_number(const Result& result);

}  // namespace overlapped
