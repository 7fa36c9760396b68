#pragma once

#include <node_api.h>

namespace overlapped {

// Describes to JavaScript all numbers that both sides of the boundary must agree on: opcodes with
// their traits, flags, limits, and the layout of the shared memory. A test compares them with
// lib/engine/*.ts.
napi_value describe_boundary(napi_env env);

}  // namespace overlapped
