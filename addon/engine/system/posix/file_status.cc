#include "file_status.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif

namespace overlapped {

namespace {

#ifdef AT_EMPTY_PATH
constexpr int kEmptyPath = AT_EMPTY_PATH;
#else
// Stands for AT_EMPTY_PATH.
constexpr int kEmptyPath = 1 << 30;
#endif

void set_times(const struct stat& from, FileStatus& status) {
#ifdef __APPLE__
  const timespec times[4] = {from.st_atimespec, from.st_mtimespec, from.st_ctimespec,
                             from.st_birthtimespec};
#else
  const timespec times[4] = {from.st_atim, from.st_mtim, from.st_ctim, from.st_ctim};
#endif
  for (int i = 0; i < 4; ++i) {
    status.seconds[i] = times[i].tv_sec;
    status.nanoseconds[i] = times[i].tv_nsec;
  }
}

Result read_by_stat(int directory, const char* path, int flags, FileStatus& status) {
  struct stat from {};
  const int failed = flags & kEmptyPath ? ::fstat(directory, &from)
                                        : ::fstatat(directory, path, &from, flags);
  if (failed != 0) return Result::failure(static_cast<uint32_t>(errno));
  status.dev = static_cast<uint64_t>(from.st_dev);
  status.mode = from.st_mode;
  status.nlink = from.st_nlink;
  status.uid = from.st_uid;
  status.gid = from.st_gid;
  status.rdev = static_cast<uint64_t>(from.st_rdev);
  status.blksize = static_cast<uint64_t>(from.st_blksize);
  status.ino = from.st_ino;
  status.size = static_cast<uint64_t>(from.st_size);
  status.blocks = static_cast<uint64_t>(from.st_blocks);
  set_times(from, status);
  return Result::success(0);
}

}  // namespace

#ifdef __linux__

void to_file_status(const struct statx& from, FileStatus& status) {
  status.dev = makedev(from.stx_dev_major, from.stx_dev_minor);
  status.mode = from.stx_mode;
  status.nlink = from.stx_nlink;
  status.uid = from.stx_uid;
  status.gid = from.stx_gid;
  status.rdev = makedev(from.stx_rdev_major, from.stx_rdev_minor);
  status.blksize = from.stx_blksize;
  status.ino = from.stx_ino;
  status.size = from.stx_size;
  status.blocks = from.stx_blocks;
  // As in libuv, the birth time is zero if the file system does not record it.
  const statx_timestamp times[4] = {from.stx_atime, from.stx_mtime, from.stx_ctime, from.stx_btime};
  for (int i = 0; i < 4; ++i) {
    status.seconds[i] = times[i].tv_sec;
    status.nanoseconds[i] = times[i].tv_nsec;
  }
}

// Container runtimes deny system calls that they do not know (EPERM), and some file systems do not
// support this one.
bool lacks_statx(int error) {
  return error == EPERM || error == ENOSYS || error == EOPNOTSUPP || error == EINVAL;
}

namespace {

// Uses statx() where it works, because no other call reports the birth time.
Result read_status(int directory, const char* path, int flags, FileStatus& status) {
  struct statx from {};
  if (get_statx(directory, path, flags | AT_STATX_SYNC_AS_STAT,
                STATX_BASIC_STATS | STATX_BTIME, from) != 0) {
    if (lacks_statx(errno)) return read_by_stat(directory, path, flags, status);
    return Result::failure(static_cast<uint32_t>(errno));
  }
  to_file_status(from, status);
  return Result::success(0);
}

}  // namespace

#else

namespace {

Result read_status(int directory, const char* path, int flags, FileStatus& status) {
  return read_by_stat(directory, path, flags, status);
}

}  // namespace

#endif

Result read_file_status(Operation& op) {
  OperationDetail& detail = op.details();
  if (op.opcode == Opcode::kStat) {
    return read_status(op.file->handle(), "", kEmptyPath, detail.status);
  }
  const int flags = op.opcode == Opcode::kLstatPath ? AT_SYMLINK_NOFOLLOW : 0;
  return read_status(AT_FDCWD, detail.open.path.c_str(), flags, detail.status);
}

Result status_in(int directory, const char* name, FileStatus& status) {
  const int flags = *name == '\0' ? kEmptyPath : AT_SYMLINK_NOFOLLOW;
  return read_status(directory, name, flags, status);
}

}  // namespace overlapped
