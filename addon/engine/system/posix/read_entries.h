#pragma once

#include <dirent.h>

#include <vector>

#include "system/entry_statuses.h"
#include "system/tree.h"

namespace overlapped {

// Reads the entries of an open directory and sorts them by their bytes, as libuv does. If the file
// system keeps no types in its directories, the status of each entry is read.
Result read_entries(DIR* directory, std::vector<TreeEntry>& entries);

// Reads only the names of the entries, in the order of the directory.
Result read_names(DIR* directory, EntryStatuses& names);

}  // namespace overlapped
