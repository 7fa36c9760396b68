#pragma once

#include "operation.h"

namespace overlapped {

// kCopySmallFile copies a regular file as one operation, from a name in the directory `source` to
// one in the directory `file`. The three names are those of the source, of a new file that the
// content goes to, and of the copy. None is followed.
//
// The new file is open to its maker alone until it has the owner that it is to have, and is locked
// until it has its name, so that other processes can tell it from one that a killed process has
// left. It gets the parts of the metadata that `flags` (MetadataPart) names, and then replaces what
// has the name of the copy, in one step. A part that `flags` has once more, shifted by
// kMetadataTriedShift, may be refused by the destination or the rights of the process; it is in
// `refused_parts` then, and the copy is complete without it.
//
// Gives the bytes of the content, or kSourceChanged where the size or time of the source shows that
// somebody wrote to it meanwhile. Then, and after an error, the new file has been removed and what
// had the name stays; the error is EEXIST where the name of the new file was taken. The content
// goes through a buffer of one size, so that large files are copied too, if slowly.
inline constexpr int64_t kSourceChanged = -1;

// A bit of `flags`: the complete file keeps its temporary path (POSIX). The caller makes it
// durable, together with others, and gives it its own.
inline constexpr uint32_t kLeaveUnnamed = 1U << 16;

Result copy_small_file(Operation& operation);

}  // namespace overlapped
