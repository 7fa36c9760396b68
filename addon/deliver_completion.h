#pragma once

#include <node_api.h>

#include <cstdint>

#include "engine/operation.h"
#include "file_table.h"
#include "shared_rings.h"

namespace overlapped {

// Writes what an operation has come to on the completion ring. A file that it has opened goes into
// the table of files; bytes and paths that it gives become JavaScript values in `results`.
void deliver_completion(napi_env env, Operation& operation, uint32_t index, SharedRings& rings,
                        FileTable& files, napi_value results);

}  // namespace overlapped
