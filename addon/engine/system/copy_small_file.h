#pragma once

#include "operation.h"

namespace overlapped {

// kCopySmallFile copies a regular file in one operation, from a name in the directory `source` to a
// name in the directory `file`. The three names are those of the source, of a new file that
// receives the content, and of the copy. None of them is followed if it is a link.
//
// The new file is accessible only to its creator until it has its final owner, and stays locked
// until it has its final name, so that other processes can tell it from the remains of a killed
// process. It gets the parts of the metadata that `flags` (MetadataPart) names, and then replaces
// the copy's name in one step. A part whose bit is also set shifted by kMetadataTriedShift is
// optional: if the destination or the rights of the process refuse it, it is reported in
// `refused_parts`, and the copy is complete without it.
//
// Returns the number of bytes copied, or kSourceChanged if the size or time of the source shows
// that it was written to meanwhile. Then, and after an error, the new file is removed and the
// copy's name is untouched; the error is EEXIST if the name of the new file was taken. The content
// passes through a buffer of fixed size, so large files are copied too, but slowly.
inline constexpr int64_t kSourceChanged = -1;

// A bit of `flags`: the complete file keeps its temporary path (POSIX). The caller makes it
// durable, together with others, and gives it its own.
inline constexpr uint32_t kLeaveUnnamed = 1U << 16;

Result copy_small_file(Operation& operation);

}  // namespace overlapped
