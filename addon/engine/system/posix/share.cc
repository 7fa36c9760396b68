#include "share.h"

#include <fcntl.h>
#include <sys/file.h>

namespace overlapped {

// Who lets others read and not write holds the lock together with others who only read. Who writes
// and lets nobody else write, or who lets nobody in at all, holds it alone.
Result claim_share(int fd, const OpenRequest& request, const struct stat& status) {
  if (S_ISFIFO(status.st_mode)) return Result::failure(ENOTSUP);
  const bool reads_only = (request.flags & O_ACCMODE) == O_RDONLY;
  const bool shared = reads_only && !(request.options & kDenyRead);
  if (::flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return Result::success(0);
  const int error = errno;
  return Result::failure(static_cast<uint32_t>(error == EWOULDBLOCK ? EBUSY : error));
}

}  // namespace overlapped
