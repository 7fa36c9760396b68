#pragma once

#include <cstdint>

#include "directory.h"
#include "operation.h"

namespace overlapped {

// An entry as a caller has seen it. Between then and a change of its metadata or its removal,
// another user may put something else under its name.
struct KnownEntry {
  uint64_t device = 0;
  uint64_t inode = 0;
  // The file type of stat(2) without permissions; 0 for any entry, whatever its numbers.
  uint32_t type = 0;
  uint32_t reserved = 0;
};

// The memory of kSetMetadataIn. Part of the boundary with JavaScript.
struct EntryMetadata {
  KnownEntry known;
  NewTimes times;
  uint32_t user = 0;
  uint32_t group = 0;
  uint32_t mode = 0;
  uint32_t reserved = 0;
};
static_assert(sizeof(EntryMetadata) == 72);

#ifndef _WIN32

// kSetMetadataIn: sets the parts of the metadata that `flags` (MetadataPart) names, of a name in
// the directory `file` that is not followed, or of the directory itself. Optional parts
// (kMetadataTriedShift) that are refused are reported in `refused_parts`. A regular file whose
// owner or group is not that of the new metadata does not get the bits that let others act as them.
// Where `source` is another directory, which has the entry under the same name, the mode comes with
// the access control list of that entry (Linux).
// Fails with ESTALE, and changes nothing, if another entry than the known one has the name.
Result set_metadata_in(Operation& operation);

// Whether an entry with this status is a known one.
bool is_known(const KnownEntry& known, const FileStatus& status);

#endif

}  // namespace overlapped
