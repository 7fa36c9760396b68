#pragma once

#include <node_api.h>

#include <cstdint>

#include "engine/operation.h"
#include "file_table.h"
#include "shared_rings.h"

namespace overlapped {

// Writes the result of an operation to the completion ring. A file that it opened goes into the
// table of files; its bytes and paths become JavaScript values in `results`.
void deliver_completion(napi_env env, Operation& operation, uint32_t index, SharedRings& rings,
                        FileTable& files, napi_value results);

}  // namespace overlapped
