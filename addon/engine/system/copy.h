#pragma once

#include "operation.h"

#ifndef _WIN32
#include <sys/stat.h>
#endif

namespace overlapped {

// kCloneFile, kCopyRange and kCopyMetadata copy from `source` to `file`; both are open.

// Flags of kCloneFile. The numbers are part of the boundary with JavaScript.
enum CloneFlag : uint32_t {
  // A file with another inode may take over the name and the descriptor of `file`, which is new and
  // has a temporary name. macOS clones only into new files.
  kCloneMayReplace = 1U << 0
};

// kCloneFile: gives `file` the whole content of `source` by sharing its blocks on the disk. If the
// file system does not support that, the call fails without changing anything.
Result clone_file(Operation& operation);

// kCopyRange: lets the system copy up to `length` bytes at `file_offset`, which is the position in
// both files. Returns the number of bytes; 0 at the end of the source, and for files that the
// system cannot copy this way but does not reject (copy_file_range(2), BUGS).
Result copy_range(Operation& operation);

// A bit of `flags` of kCopyMetadata: `file` has had its content before. Its attributes of the
// namespace `security` stay as they are (Linux).
inline constexpr uint32_t kOfExistingFile = 1U << 18;
// Such a file has other capabilities than its source.
inline constexpr int64_t kSecurityDiffers = -1;

// kCopyMetadata: copies the parts that `flags` (MetadataPart) names, in an order in which none
// undoes or prevents another: owner, extended attributes, mode, times.
// For extended attributes alone the result is the number of those that have changed (Linux), or
// kSecurityDiffers.
Result copy_metadata(Operation& operation);

// kCompareXattrs compares the extended attributes of many files in the directory `source` with
// those of files in the directory `file` (Linux). Its memory is that of NamePairs: the names of
// each file in both, which are not followed if they are links. The result of a pair is 0 if the
// attributes are the same, and kXattrsDiffer if they are not; it is not set if they could not be
// read.
inline constexpr int64_t kXattrsDiffer = 1;
Result compare_xattrs(Operation& operation);

#ifndef _WIN32
// copy_metadata() for two descriptors; `status` is that of the source. Optional parts
// (kMetadataTriedShift) that are refused are added to `refused`.
Result copy_metadata(const struct stat& status, int from, int to, uint32_t flags,
                     uint32_t& refused);
#endif

}  // namespace overlapped
