#pragma once

#include <cstdint>

#include "result.h"

namespace overlapped {

// Gives a file the extended attributes of another, access control lists included. Attributes of
// users that the source lacks are removed. Continues after an error, and returns the first one, or
// how many attributes have changed. With kOfExistingFile in `flags` see kCopyMetadata.
Result copy_xattrs(int from, int to, uint32_t flags);

}  // namespace overlapped
