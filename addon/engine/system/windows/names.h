#pragma once

#include <string>

#include "native_calls.h"
#include "windows_io.h"

// Operations on names in open directories. Links are never followed.
namespace overlapped {

// Opens a name, or the directory itself if the name is empty.
Result open_name(HANDLE directory, const std::wstring& name, ACCESS_MASK access,
                 UniqueHandle& handle, ULONG more_options = 0);

// Replaces the handle of a name that was opened without following it. A reparse point that is no
// link, such as a deduplicated or a remotely stored file, is opened again so that the filter that
// owns its tag delivers the content, and must then be the same file. A link fails with
// ERROR_CANT_RESOLVE_FILENAME. Any other object keeps its handle.
Result enter_content(HANDLE directory, const std::wstring& name, NativeOpen wanted,
                     UniqueHandle& handle);

// Renames an open file, which needs the right DELETE. An existing file with that name, even a
// read-only one, is replaced in one step; without `replaces` it makes the call fail.
Result rename_file(HANDLE file, HANDLE directory, const std::wstring& name, bool replaces);

// Gives an open file another name.
Result link_file(HANDLE file, HANDLE directory, const std::wstring& name);

}  // namespace overlapped
