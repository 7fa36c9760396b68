#pragma once

#include <node_api.h>

#include <cstddef>
#include <vector>

#include "engine/operation.h"

namespace overlapped {

// Reads JavaScript values into an Operation. Each function returns false if the value does not have
// the form that lib/ has validated, because it changed in between.

// The memory of a typed array, if `offset` + `length` bytes of it exist. A transferred (detached)
// array has none, and one of a type that not every version of Node-API knows is refused.
bool read_memory(napi_env env, napi_value value, double offset, double length, std::byte*& data);

// An array of typed arrays, each whole, if they have `length` bytes together. One that has been
// transferred since the call has none, and the others must not take its place in the file.
bool read_vectors(napi_env env, napi_value value, double length, std::vector<IoVector>& vectors);

// A path: a string, or on POSIX also a Uint8Array of its bytes.
bool read_path(napi_env env, napi_value value, PathString& path);

// A path as a string.
napi_value path_value(napi_env env, const PathString& path);

// Address of the first byte of a typed array or ArrayBuffer; 0 when it has no memory.
uintptr_t address_of(napi_env env, napi_value value);

}  // namespace overlapped
