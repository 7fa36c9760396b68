#pragma once

#include "operation.h"

namespace overlapped {

// What CreateFileW is asked for.
struct CreateArguments {
  DWORD access = 0;
  DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  DWORD disposition = OPEN_EXISTING;
  DWORD attributes = FILE_ATTRIBUTE_NORMAL;  // and flags
};

// False for flags that contradict each other.
bool create_arguments(const OpenRequest& request, HandleMode mode, bool unbuffered,
                      CreateArguments& arguments);

}  // namespace overlapped
