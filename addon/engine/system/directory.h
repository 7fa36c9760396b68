#pragma once

#include <cstddef>
#include <cstdint>

#include "operation.h"

// Operations on the names in an open directory. Each name is one component, and none is followed: a
// symbolic link or junction with that name is the object of the operation, or makes it fail. An
// empty name stands for the directory itself where an operation says so.
namespace overlapped {

// kUnlinkIn, in Operation::flags.
inline constexpr uint32_t kUnlinkDirectory = 1U << 0;
// kRenameIn: fail with EEXIST where the new name is taken.
inline constexpr uint32_t kRenameExclusively = 1U << 0;
// kSymlinkIn, on Windows: what the link leads to.
enum class LinkKind : uint32_t { kFile = 0, kDirectory = 1, kJunction = 2 };

// kStatNames gives one record for each name, and behind all records the targets of the links, in
// the order of the names. Part of the boundary with JavaScript.
struct NameStatus {
  FileStatus status{};
  int64_t target_bytes = kNoLink;

  static constexpr int64_t kNoLink = -1;
  static constexpr int64_t kFailed = -2;  // kStatIn on this name tells why
};
static_assert(sizeof(NameStatus) == 152);

// kSetTimesIn, in the memory of the operation. Part of the boundary with JavaScript.
struct NewTimes {
  int64_t access_seconds = 0;
  int64_t access_nanoseconds = 0;
  int64_t modification_seconds = 0;
  int64_t modification_nanoseconds = 0;
};

// Executes, with blocking calls, on `file`:
// - kStatIn: the status of a name, or of the directory itself.
// - kListIn: the entries of the directory; its content is that of kListTree.
// - kStatNames: the status of many names, which `data` has with a zero byte behind each.
// - kMakeDirectoryIn: `flags` is the mode.
// - kUnlinkIn.
// - kRenameIn, kLinkIn: from a name in `source` to another one in `file`.
// - kSymlinkIn: a link with the first path as its name and the second as its target.
// - kReadLinkIn: its content is the target of a link, in UTF-8 on Windows.
// - kSetTimesIn, kSetModeIn, kSetOwnerIn: of a name, or of the directory itself.
Result run_in_directory(Operation& operation);

}  // namespace overlapped
