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
// Returns the number of bytes copied, or a negative reason why the caller must copy the file in
// another way. Then, and after an error, the new file is removed and the copy's name is untouched;
// the error is EEXIST if the name of the new file was taken. The content passes through a buffer of
// fixed size unless it can be cloned, so large files are copied too, but slowly.

// The size or time of the source shows that it was written to meanwhile.
inline constexpr int64_t kSourceChanged = -1;
// The source seems to have holes (POSIX).
inline constexpr int64_t kSourceHasHoles = -2;

// A bit of `flags`: the complete file keeps its temporary path (POSIX). The caller makes it
// durable, together with others, and gives it its own.
inline constexpr uint32_t kLeaveUnnamed = 1U << 16;

// A bit of `flags`: the caller has locked the directory, so new files need no lock of their own.
inline constexpr uint32_t kDirectoryIsLocked = 1U << 17;

// A bit of `flags` (Linux): pages that reading the sources brings into the system's cache are
// dropped again. With kRenamePairs, the files, which have been written back, leave the cache.
inline constexpr uint32_t kLeavesCache = 1U << 19;

Result copy_small_file(Operation& operation);

#ifndef _WIN32

// kCopySmallFiles copies many files from one directory to another with kLeaveUnnamed. Its memory is
// that of NamePairs: the names of each source and of the new file. The result of a pair is that of
// kCopySmallFile, and is not set where the copy failed or was not begun. A cancel ends the
// operation between two files, and it then succeeds.
//
// kRenamePairs renames the first name of each pair in the directory `file` to the second one, and
// replaces existing entries. Its memory is that of NamePairs. The result of a renamed pair is 0.
Result run_on_pairs(Operation& operation);

#endif

}  // namespace overlapped
