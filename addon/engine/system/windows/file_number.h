#pragma once

#include "open_file.h"

namespace overlapped {

// A number of 64 bits that no other file of the volume has: the file index. ReFS, whose files have
// numbers of 128 bits, may have none (~0); its own number is folded then. File systems without
// numbers report 0, as some network drives do, and the path of the file is hashed instead. All
// their files would otherwise seem to be the same one.
uint64_t file_number(HANDLE handle, const BY_HANDLE_FILE_INFORMATION& identity);

// The two steps that few file systems need.
uint64_t fold_file_id(const FILE_ID_128& id);
uint64_t hash_of_path(HANDLE handle);  // 0 if the system does not report the path

}  // namespace overlapped
