#pragma once

#include <node_api.h>

namespace overlapped {

// Describes to JavaScript all numbers that both sides of the boundary must agree on: opcodes with
// their traits, flags, steps at which operations fail, limits, kinds of files, and the layout of
// the shared memory and of records. A test compares them with lib/.
// Only tests call it. Unlike the rest of the addon it uses the classes of node-addon-api.
napi_value describe_boundary(napi_env env);

}  // namespace overlapped
