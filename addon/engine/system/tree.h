#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "operation.h"

namespace overlapped {

// The kinds of directory entries; the values are those of Node's fs.constants.UV_DIRENT_*.
enum class EntryType : uint8_t {
  kUnknown = 0,
  kFile = 1,
  kDirectory = 2,
  kLink = 3,
  kFifo = 4,
  kSocket = 5,
  kCharacterDevice = 6,
  kBlockDevice = 7,
};

// Flags of kListTree, in OpenRequest::flags. The values are part of the boundary with JavaScript.
inline constexpr uint32_t kTreeRecursive = 1U << 0;
inline constexpr uint32_t kTreeFollowLinks = 1U << 1;  // enter links to folders

// The call that failed; part of the boundary with JavaScript.
enum class TreeStep : int32_t { kScan = 0, kStat = 1, kUnlink = 2, kRemoveFolder = 3 };

struct TreeEntry {
  PathString name;
  EntryType type = EntryType::kUnknown;
  uint32_t attributes = 0;  // Windows only
};

// kListTree: lists a folder, or everything below it. The content is one block of memory: the number
// of entries (32 bits, native order), one type byte per entry, then the paths relative to the
// folder, in UTF-8 (WTF-8 on Windows), separated by zero bytes.
Result list_tree(Operation& operation);

// kRemoveTree: removes a file, or a folder with everything below it; links are not followed.
Result remove_tree(Operation& operation);

// ---- Helpers that both operations share, and functions that each platform defines

// Records in detail->failed_path where an operation failed, and at which step.
Result fail_at(Operation& operation, const PathString& path, TreeStep step, Result result);
bool is_cancelled(const Operation& operation);

// Makes the entries the content of an operation, in the form of kListTree.
Result give_entries(Operation& operation, const std::vector<TreeEntry>& entries);
// Returns the number of entries in content of that form.
uint32_t entry_count(const std::byte* content);

PathString join_path(const PathString& folder, const PathString& name);
// Reads the folder at a path below `root`, even if both together exceed the system's maximum
// length.
Result read_folder(const PathString& root, const PathString& relative,
                   std::vector<TreeEntry>& entries);
// Whether a link at a path below `root` leads to a folder.
bool leads_to_folder(const PathString& root, const PathString& relative, const TreeEntry& link);
// On Windows half of a surrogate pair takes three bytes (WTF-8).
std::string to_utf8(const PathString& path);

}  // namespace overlapped
