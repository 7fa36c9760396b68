#pragma once

#include "open_file.h"

namespace overlapped {

// The flags by which CreateFileW keeps the server of a pipe from impersonating its client
// (SECURITY_SQOS_PRESENT and SECURITY_ANONYMOUS). 0 for a path that names no pipe: the bit of
// SECURITY_SQOS_PRESENT is also FILE_FLAG_OPEN_NO_RECALL, which files must not get unasked.
// https://learn.microsoft.com/windows/win32/secauthz/impersonation-levels
DWORD impersonation_flags(const PathString& path);

}  // namespace overlapped
