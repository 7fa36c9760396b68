#pragma once

#include "operation.h"

namespace overlapped {

// kCopySmallFile: all of a regular file as one operation: opened, read and written to a new file
// with the path `temporary`, which gets those parts of the metadata that `flags` (MetadataPart)
// names, and then the path `destination`, in one step, whatever file was there. A part that `flags`
// has once more, shifted by kMetadataTriedShift, may be refused by the destination or the rights of
// the process: it is in `refused_parts` then, and the copy goes on. Gives the bytes of its content,
// or kSourceChanged where the source was written to meanwhile, by its size or time: what was read
// is no state that it ever had. Then, and after an error, nothing is left under the temporary path,
// and what was there stays. The content goes through a buffer of one size, so that it is right, if
// slow, for a large file too.
inline constexpr int64_t kSourceChanged = -1;

Result copy_small_file(Operation& operation);

}  // namespace overlapped
