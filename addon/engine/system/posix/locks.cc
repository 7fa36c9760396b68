#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "system/locks.h"

namespace overlapped {

// Locks of the open file description (fcntl(2), F_OFD_SETLK). Unlike traditional locks they belong
// to the handle, not to the process, and survive the close of another descriptor of the file.
#ifdef F_OFD_SETLK

namespace {

int set_lock(const Operation& op, int command, int type) {
  struct flock range {};
  range.l_type = static_cast<short>(type);
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(op.file_offset);
  range.l_len = static_cast<off_t>(op.length);  // 0: to the end, wherever that is
  return ::fcntl(op.file->handle(), command, &range);
}

bool is_held(int error) { return error == EAGAIN || error == EACCES; }

Result lock_error(int error) {
  return Result::failure(static_cast<uint32_t>(is_held(error) ? EBUSY : error));
}

// Locks of fcntl(2) need a file that is open for writing, which a directory never is.
Result set_directory_lock(const Operation& op, int operation) {
  for (;;) {
    if (::flock(op.file->handle(), operation | LOCK_NB) == 0) return Result::success(0);
    if (errno != EINTR) return lock_error(errno);
  }
}

}  // namespace

bool lock_range(Operation& op) {
  if (op.flags & kLockDirectory) {
    op.result = set_directory_lock(op, op.flags & kLockExclusive ? LOCK_EX : LOCK_SH);
    return true;
  }
  const int type = op.flags & kLockExclusive ? F_WRLCK : F_RDLCK;
  const bool waits = (op.flags & kLockWait) != 0;
  const int command = waits && op.may_wait ? F_OFD_SETLKW : F_OFD_SETLK;
  for (;;) {
    if (set_lock(op, command, type) == 0) {
      op.result = Result::success(0);
      return true;
    }
    const int error = errno;
    if (error == EINTR) {
      if (!op.cancel_requested.load(std::memory_order_acquire)) continue;
      op.result = Result::cancelled();
      return true;
    }
    if (waits && !op.may_wait && is_held(error)) return false;
    op.result = lock_error(error);
    return true;
  }
}

Result unlock_range(Operation& op) {
  if (op.flags & kLockDirectory) return set_directory_lock(op, LOCK_UN);
  return set_lock(op, F_OFD_SETLK, F_UNLCK) == 0 ? Result::success(0) : lock_error(errno);
}

#else

bool lock_range(Operation& op) {
  op.result = Result::failure(ENOTSUP);
  return true;
}

Result unlock_range(Operation&) { return Result::failure(ENOTSUP); }

#endif

}  // namespace overlapped
