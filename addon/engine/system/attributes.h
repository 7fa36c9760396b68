#pragma once

#include "operation.h"

namespace overlapped {

// Executes kGetAttributes and kGetAttributesPath: fills in detail->attributes.
Result get_attributes(Operation& operation);

// Executes kSetAttributes and kSetAttributesPath: sets and clears the bits that the operation names
// and leaves the others unchanged.
Result set_attributes(Operation& operation);

}  // namespace overlapped
