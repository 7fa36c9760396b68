#pragma once

#include "engine/result.h"

namespace overlapped {

// The error of a failed operation as libuv's number, which is negative (UV_ENOENT). Errors with an
// ErrorMeaning have the same number in every version of Node; others follow libuv's table.
int error_number(const Result& result);

}  // namespace overlapped
