#include <sys/ioctl.h>

#ifdef __linux__
#include <linux/fs.h>
#elif defined(__APPLE__)
#if __has_include(<sys/disk.h>)
#include <sys/disk.h>
#else
// Compilers for other systems lack this header of Apple's.
#define DKIOCGETBLOCKSIZE _IOR('d', 24, uint32_t)
#define DKIOCGETBLOCKCOUNT _IOR('d', 25, uint64_t)
#endif
#endif

#include "system/devices.h"
#include "system_call.h"

namespace overlapped {

Result device_size(Operation& op) {
  const int fd = op.file->handle();
#ifdef __linux__
  uint64_t size = 0;
  if (::ioctl(fd, BLKGETSIZE64, &size) == 0) return Result::success(static_cast<int64_t>(size));
  return last_error();
#elif defined(__APPLE__)
  uint64_t count = 0;
  uint32_t size = 0;
  if (::ioctl(fd, DKIOCGETBLOCKCOUNT, &count) == 0 && ::ioctl(fd, DKIOCGETBLOCKSIZE, &size) == 0) {
    return Result::success(static_cast<int64_t>(count * size));
  }
  return last_error();
#else
  (void)fd;
  return Result::failure(ENOSYS);
#endif
}

}  // namespace overlapped
