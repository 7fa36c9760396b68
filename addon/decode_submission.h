#pragma once

#include <node_api.h>

#include <cstdint>

#include "file_table.h"
#include "shared_rings.h"
#include "slot_table.h"

namespace overlapped {

// Fills in the operation of a slot from a submission and its JavaScript value, by the row of its
// opcode in the table. JavaScript shares the memory of the submission, so every number in it is
// checked. Returns 0 or an error of the operating system. May throw std::bad_alloc.
uint32_t decode_submission(napi_env env, const Submission& submission, napi_value object,
                           FileTable& files, Slot& slot);

}  // namespace overlapped
