#pragma once

#include <dirent.h>

#include <vector>

#include "system/tree.h"

namespace overlapped {

// Reads the entries of an open directory and sorts them by their bytes, as libuv does. Where a file
// system keeps no types in its directories, each entry is looked at.
Result read_entries(DIR* directory, std::vector<TreeEntry>& entries);

}  // namespace overlapped
