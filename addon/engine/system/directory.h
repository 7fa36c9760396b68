#pragma once

#include <cstddef>
#include <cstdint>

#include "operation.h"

// Operations on the names in an open directory. Each name is a single component and is never
// followed: a symbolic link or junction with that name is itself the object of the operation, or
// makes it fail. An empty name stands for the directory itself where an operation allows it.
namespace overlapped {

// A flag of kUnlinkIn, in Operation::flags.
inline constexpr uint32_t kUnlinkDirectory = 1U << 0;
// Whether kUnlinkIn removes the name whatever file it leads to. Numbers of files use all 64 bits,
// but are neither of these.
constexpr bool is_any_number(int64_t expected) { return expected == 0 || expected == -1; }
// A flag of kRenameIn: fail with EEXIST if the new name is taken.
inline constexpr uint32_t kRenameExclusively = 1U << 0;
// The kind of link that kSymlinkIn creates on Windows.
enum class LinkKind : uint32_t { kFile = 0, kDirectory = 1, kJunction = 2 };

// The memory of a kSetTimesIn operation. Part of the boundary with JavaScript.
struct NewTimes {
  int64_t access_seconds = 0;
  int64_t access_nanoseconds = 0;
  int64_t modification_seconds = 0;
  int64_t modification_nanoseconds = 0;
};

// Executes one of these operations on `file`, with blocking calls:
// - kStatIn: reads the status of a name, or of the directory itself.
// - kListIn: lists the directory; the content has the form of kListTree.
// - kListStatusesIn: lists the directory with the status of each entry; the content is that of
//   EntryStatuses.
// - kMakeDirectoryIn: creates a directory; `flags` is the mode.
// - kMknodIn: creates a FIFO or a device (Linux); `flags` is the mode with the type.
// - kUnlinkIn: removes a name. Fails with ESTALE, on Windows ERROR_FILE_INVALID, if it does not
//   have the expected numbers.
// - kRenameIn, kLinkIn: from a name in `source` to another one in `file`.
// - kSymlinkIn: creates a link; the first path is its name, the second one its target.
// - kReadLinkIn: returns the target of a link, in UTF-8 on Windows.
// - kSetTimesIn, kSetModeIn, kSetOwnerIn: change a name, or the directory itself.
Result run_in_directory(Operation& operation);

}  // namespace overlapped
