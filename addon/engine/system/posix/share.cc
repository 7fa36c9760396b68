#include "share.h"

#include <fcntl.h>
#include <sys/file.h>

namespace overlapped {

// A handle that lets others read but not write shares the lock with handles that only read. A
// handle that writes and lets nobody else write, or that admits nobody, holds it alone.
Result claim_share(int fd, const OpenRequest& request, const struct stat& status) {
  if (S_ISFIFO(status.st_mode)) return Result::failure(ENOTSUP);
  const bool reads_only = (request.flags & O_ACCMODE) == O_RDONLY;
  const bool shared = reads_only && !(request.options & kDenyRead);
  if (::flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return Result::success(0);
  const int error = errno;
  return Result::failure(static_cast<uint32_t>(error == EWOULDBLOCK ? EBUSY : error));
}

}  // namespace overlapped
