#pragma once

#include <string>

#include "native_calls.h"
#include "windows_io.h"

// Operations on names in open directories. Links are never followed.
namespace overlapped {

// Opens a name, or the directory itself if the name is empty.
Result open_name(HANDLE directory, const std::wstring& name, ACCESS_MASK access,
                 UniqueHandle& handle, ULONG more_options = 0);

// Renames an open file, which needs the right DELETE. An existing file with that name, even a
// read-only one, is replaced in one step; without `replaces` it makes the call fail.
Result rename_file(HANDLE file, HANDLE directory, const std::wstring& name, bool replaces);

// Gives an open file another name.
Result link_file(HANDLE file, HANDLE directory, const std::wstring& name);

}  // namespace overlapped
