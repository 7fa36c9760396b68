#include "windows_io.h"
#include "system/devices.h"

// Must follow windows.h, which it does not include itself.
#include <winioctl.h>

namespace overlapped {

Result device_size(Operation& op) {
  GET_LENGTH_INFORMATION length{};
  const Result queried =
      query_device(op.file->handle(), IOCTL_DISK_GET_LENGTH_INFO, &length, sizeof length);
  return queried.ok() ? Result::success(length.Length.QuadPart) : queried;
}

}  // namespace overlapped
