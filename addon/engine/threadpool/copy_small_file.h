#pragma once

#include "../operation.h"

namespace overlapped {

// kCopySmallFile: all of a regular file as one operation: opened, read and written to a new file
// with the path `temporary`, which gets those parts of the metadata that `flags` (MetadataPart)
// names, and then the path `destination`, in one step, whatever file was there. Gives the bytes of
// its content. After an error nothing is left under the temporary path. The content goes through a
// buffer of one size, so that it is right, if slow, for a large file too.
Result copy_small_file(Operation& operation);

}  // namespace overlapped
