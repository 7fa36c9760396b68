#pragma once

#include <string>

#include "native_calls.h"
#include "windows_io.h"

// Names in open directories. None is followed.
namespace overlapped {

// Opens a name, or the directory itself where the name is empty.
Result open_name(HANDLE directory, const std::wstring& name, ACCESS_MASK access,
                 UniqueHandle& handle, ULONG more_options = 0);

// Gives an open file, which needs the right DELETE, another name. What has that name, also what is
// read-only, is replaced in one step; without `replaces` it makes the call fail.
Result rename_file(HANDLE file, HANDLE directory, const std::wstring& name, bool replaces);

// Gives an open file a further name.
Result link_file(HANDLE file, HANDLE directory, const std::wstring& name);

}  // namespace overlapped
