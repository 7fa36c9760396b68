#pragma once

#include "operation.h"

#ifndef _WIN32
#include <sys/stat.h>
#endif

namespace overlapped {

// kCloneFile, kCopyRange and kCopyMetadata go from `source` to `file`, both open.

// kCloneFile: `file` gets all the content of `source`, by sharing its blocks on the disk. It fails,
// and has changed nothing, where the file system cannot.
Result clone_file(Operation& operation);

// kCopyRange: the system copies up to `length` bytes at `file_offset`, which is the place in both.
// Gives how many; 0 at the end of the source, and of files that the system cannot copy so but does
// not say it (copy_file_range(2), BUGS).
Result copy_range(Operation& operation);

// kCopyMetadata: those parts that `flags` (MetadataPart) names, in the order of their bits.
Result copy_metadata(Operation& operation);

#ifndef _WIN32
// The same of two descriptors; `status` is that of the source. Parts that may be refused
// (kMetadataTriedShift) and are so are added to `refused`.
Result copy_metadata(const struct stat& status, int from, int to, uint32_t flags,
                     uint32_t& refused);
#endif

}  // namespace overlapped
