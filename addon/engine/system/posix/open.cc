#include "open.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "system/blocking.h"
#include "file_status.h"
#include "io_priority.h"
#include "share.h"
#include "system_call.h"
#include "uncached.h"

#ifdef __linux__
#include <linux/fs.h>
#include <sys/sysmacros.h>

#include "linux_calls.h"
#endif

namespace overlapped {

namespace {

// The alignment if the kernel cannot tell: a page suits block devices with sectors of up to 4 KiB.
constexpr uint32_t kSafeAlignment = 4096;

constexpr uint32_t kAnyUnbuffered = kUnbuffered | kUnbufferedPrefer;

// The directory from which the path of a request starts.
int start_of(const OpenRequest& request) {
  return request.is_name() ? request.directory : AT_FDCWD;
}

int open_at(const OpenRequest& request, int flags) {
  return ::openat(start_of(request), request.path.c_str(), flags, request.mode);
}

int unlink_at(const OpenRequest& request) {
  return ::unlinkat(start_of(request), request.path.c_str(), 0);
}

// Direct writes of whole sectors need the sectors' other bytes, so an unbuffered file is opened for
// reading too. Its end may lie within a sector, so the system cannot append to it; lib/ does.
int unbuffered_flags(int flags) {
  if ((flags & O_ACCMODE) == O_WRONLY) flags = (flags & ~O_ACCMODE) | O_RDWR;
  flags &= ~O_APPEND;
#ifdef O_DIRECT
  flags |= O_DIRECT;
#endif
  return flags;
}

// A descriptor that stands for the file without access to its data (open(2), O_PATH).
#ifdef O_PATH
constexpr int kNoAccessFlag = O_PATH;
#else
constexpr int kNoAccessFlag = 0;
#endif
constexpr int kWithoutAccess = O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY;

int open_flags(const OpenRequest& request) {
  int flags = request.flags;
  if (!(request.options & kInheritable)) flags |= O_CLOEXEC;
  if ((request.options & kOpenReparsePoint) || request.is_name()) flags |= O_NOFOLLOW;
  if (request.options & kAttributesOnly) return kNoAccessFlag | (flags & kWithoutAccess);
  // The file may be truncated only once this handle has exclusive access to it.
  if (request.options & kDenyAny) flags &= ~O_TRUNC;
  if (request.options & kAnyUnbuffered) flags = unbuffered_flags(flags);
  if (request.options & kWriteThrough) flags |= O_DSYNC;
  return flags;
}

#ifdef O_DIRECT
constexpr int kDirectFlag = O_DIRECT;
#else
constexpr int kDirectFlag = 0;
#endif

#ifdef O_PATH
[[maybe_unused]] constexpr int kPathFlag = O_PATH;
#else
[[maybe_unused]] constexpr int kPathFlag = 0;
#endif

// A file system that rejects O_DIRECT does so after it has created the file (open(2)), with an
// error that may equally mean that nothing happened. So O_DIRECT is set last, and only a file that
// this call created is removed again.
int create_direct(const OpenRequest& request, int flags) {
  const int fd = open_at(request, (flags & ~kDirectFlag) | O_EXCL);
  if (fd < 0 || ::fcntl(fd, F_SETFL, flags) == 0) return fd;
  const int error = errno;
  unlink_at(request);
  ::close(fd);
  errno = error;
  return -1;
}

// Opens the file as an existing one first, to know whether this call created it.
int open_or_create_direct(const OpenRequest& request, int flags) {
  constexpr int kRoundsMax = 8;
  for (int round = 0; round < kRoundsMax; ++round) {
    if (!(flags & O_EXCL)) {
      const int fd = open_at(request, flags & ~O_CREAT);
      if (fd >= 0 || errno != ENOENT) return fd;
    }
    const int fd = create_direct(request, flags);
    // Another process may have created it between the two calls.
    if (fd >= 0 || errno != EEXIST || (flags & O_EXCL)) return fd;
  }
  // The name is a link to a missing file. Its creator cannot be determined, so the file is kept.
  const int fd = open_at(request, flags & ~kDirectFlag);
  if (fd < 0 || ::fcntl(fd, F_SETFL, flags) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

int open_once(const OpenRequest& request, int flags) {
  const bool direct = (request.options & kAnyUnbuffered) != 0;
  if (direct && (flags & O_CREAT)) return open_or_create_direct(request, flags);
  return open_at(request, flags);
}

int open_path(const OpenRequest& request, int more_flags) {
  const int flags = open_flags(request) | more_flags;
  const int fd = open_once(request, flags);
#ifdef O_PATH
  // A link has no data of its own to open, but a descriptor can stand for it.
  const bool reads = (flags & O_ACCMODE) == O_RDONLY;
  if (fd < 0 && errno == ELOOP && reads && (request.options & kOpenReparsePoint)) {
    return open_once(request, O_PATH | (flags & kWithoutAccess));
  }
#endif
  // A file that may be written but not read can still accept whole sectors.
  if (fd < 0 && errno == EACCES && (flags & O_ACCMODE) != (request.flags & O_ACCMODE)) {
    return open_once(request, (flags & ~O_ACCMODE) | O_WRONLY);
  }
  return fd;
}

Result advise(int fd, uint32_t options) {
#ifdef POSIX_FADV_SEQUENTIAL
  // Only a hint; a file that does not accept it, such as a pipe, can be read anyway.
  if (options & kAccessSequential) (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  if (options & kAccessRandom) (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
#elif defined(F_RDAHEAD)
  if (options & kAccessRandom) (void)::fcntl(fd, F_RDAHEAD, 0);
#endif
  return Result::success(0);
}

// Reserves space without changing the size. If the file system fails with EOPNOTSUPP, only the
// reservation is lost; ENOSPC, however, is an error that the caller wants to know about now.
Result preallocate(int fd, int64_t bytes) {
#ifdef __linux__
  // An interrupt may be meant for another operation of the same worker. Only this call is repeated,
  // because repeating the whole open would meet the file that it has created itself.
  constexpr int kRoundsMax = 16;
  for (int round = 0; round < kRoundsMax; ++round) {
    if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0) return Result::success(0);
    if (errno != EINTR) break;
  }
  return errno == EOPNOTSUPP || errno == ENOSYS ? Result::success(0) : last_error();
#elif defined(F_PREALLOCATE)
  // The call counts from the end of what the file already occupies.
  constexpr int64_t kBlockBytes = 512;
  struct stat status {};
  if (::fstat(fd, &status) != 0) return last_error();
  const int64_t more = bytes - status.st_blocks * kBlockBytes;
  if (more <= 0) return Result::success(0);
  fstore_t store{F_ALLOCATEALL, F_PEOFPOSMODE, 0, more, 0};
  if (::fcntl(fd, F_PREALLOCATE, &store) == 0) return Result::success(0);
  return errno == ENOTSUP ? Result::success(0) : last_error();
#else
  (void)fd, (void)bytes;
  return Result::success(0);
#endif
}

Result set_up_unbuffered(OpenFile& file, const struct stat& status) {
#ifdef F_NOCACHE
  if (::fcntl(file.handle(), F_NOCACHE, 1) != 0) return last_error();
#endif
  file.alignment = direct_alignment(file.handle(), status);
  if (file.alignment.position == 0) return Result::failure(EINVAL);
  file.unbuffered = true;
  return Result::success(0);
}

Result set_up(OpenFile& file, const OpenRequest& request, bool direct, const struct stat& status) {
  file.append = !direct && (request.flags & O_APPEND) != 0;
  file.nonblocking = (request.flags & O_NONBLOCK) != 0;
  file.reads_only = !direct && (request.flags & O_ACCMODE) == O_RDONLY;
  file.device = status.st_dev;
  if (direct) {
    const Result result = set_up_unbuffered(file, status);
    if (!result.ok()) return result;
  }
  if (request.options & kDenyAny) {
    const Result claimed = claim_share(file.handle(), request, status);
    if (!claimed.ok()) return claimed;
    if ((request.flags & O_TRUNC) && ::ftruncate(file.handle(), 0) != 0) return last_error();
  }
  advise(file.handle(), request.options);
  file.io_priority = io_priority_number(request.options);
  if (request.options & kAnyDontCache) {
    const Result result = set_up_uncached(file);
    if (!result.ok() && (request.options & kDontCache)) return result;
  }
  if (request.preallocate > 0) {
    const Result result = preallocate(file.handle(), request.preallocate);
    if (!result.ok()) return result;
  }
  if ((request.options & kDeleteOnClose) && unlink_at(request) != 0) return last_error();
  return Result::success(0);
}

}  // namespace

DeviceType device_type_of(mode_t mode) {
  if (S_ISREG(mode)) return DeviceType::kDisk;
  if (S_ISBLK(mode)) return DeviceType::kBlock;
  if (S_ISCHR(mode)) return DeviceType::kChar;
  if (S_ISFIFO(mode) || S_ISSOCK(mode)) return DeviceType::kPipe;
  if (S_ISDIR(mode)) return DeviceType::kDirectory;
  return DeviceType::kUnknown;
}

Alignment direct_alignment(int fd, const struct stat& status) {
#ifdef __linux__
  struct statx extended {};
#ifdef STATX_DIOALIGN
  if (get_statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, extended) == 0 &&
      (extended.stx_mask & STATX_DIOALIGN)) {
    return {extended.stx_dio_offset_align, extended.stx_dio_offset_align,
            extended.stx_dio_mem_align};
  }
#endif
  int sector = 0;
  if (S_ISBLK(status.st_mode) && ::ioctl(fd, BLKSSZGET, &sector) == 0 && sector > 0) {
    const auto size = static_cast<uint32_t>(sector);
    return {size, size, size};
  }
#else
  (void)fd, (void)status;
#endif
  return {kSafeAlignment, kSafeAlignment, kSafeAlignment};
}

Result open_posix(const OpenRequest& request, OpenWait wait, PosixOpen& opened) {
  const int more_flags = wait == OpenWait::kRefused ? O_NONBLOCK : 0;
  const bool prefer = (request.options & kUnbufferedPrefer) != 0;
  bool direct = (request.options & kAnyUnbuffered) != 0;
  OpenRequest attempt = request;
  for (;;) {
    const int fd = open_path(attempt, more_flags);
    if (fd < 0) {
      // ENXIO: a FIFO without a reader. EWOULDBLOCK: another process holds a lease on the file.
      opened.would_wait = more_flags && (errno == ENXIO || errno == EWOULDBLOCK);
      if (!(prefer && direct && errno == EINVAL)) return last_error();
    } else {
      const bool known = ::fstat(fd, &opened.status) == 0;
      auto file = std::make_unique<OpenFile>(
          fd, known ? device_type_of(opened.status.st_mode) : DeviceType::kUnknown);
      const Result result = set_up(*file, attempt, direct, opened.status);
      if (result.ok()) {
        if (S_ISREG(opened.status.st_mode)) {
          const bool is_cut = (attempt.options & kDenyAny) && (attempt.flags & O_TRUNC);
          file->size_when_opened = is_cut ? 0 : opened.status.st_size;
        }
        const bool reads = (attempt.flags & O_ACCMODE) == O_RDONLY;
        opened.would_wait = more_flags && reads && S_ISFIFO(opened.status.st_mode);
        opened.file = std::move(file);
        return result;
      }
      if (!(prefer && direct && result.os_error == EINVAL)) {
        // Removes the file that this call created, so that a retry does not find it.
        constexpr int kMade = O_CREAT | O_EXCL;
        if ((request.flags & kMade) == kMade) unlink_at(request);
        return result;
      }
    }
    // The file system rejects direct I/O, which the caller only prefers. An exclusive creation must
    // not meet the file that it has created itself.
    direct = false;
    attempt.options &= ~kAnyUnbuffered;
    if (fd >= 0) attempt.flags &= ~O_EXCL;
  }
}

Result end_nonblocking(const OpenFile& file, const OpenRequest& request) {
  if (request.flags & O_NONBLOCK) return Result::success(0);
#ifdef O_PATH
  // An O_PATH descriptor has no flags to change, and was never nonblocking.
  const bool may_be_path =
      (request.flags & kPathFlag) || (request.options & (kAttributesOnly | kOpenReparsePoint));
  if (may_be_path && (::fcntl(file.handle(), F_GETFL) & O_PATH)) return Result::success(0);
#endif
  int flags = request.flags;
  if (file.unbuffered) flags = unbuffered_flags(flags);
  // F_SETFL accepts O_APPEND, O_DIRECT, O_NOATIME and the like, and ignores the rest.
  return ::fcntl(file.handle(), F_SETFL, flags) == 0 ? Result::success(0) : last_error();
}

Result open_file(const OpenRequest& request, HandleMode, std::unique_ptr<OpenFile>& opened) {
  PosixOpen open;
  const Result result = open_posix(request, OpenWait::kAllowed, open);
  if (result.ok()) opened = std::move(open.file);
  return result;
}

namespace {

// Reads the mode and device of an open file. It runs on the submitting thread, so it must not wait
// for a server.
bool look_at(int fd, struct stat& status) {
#ifdef __linux__
  struct statx found {};
  constexpr unsigned kFlags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (get_statx(fd, "", kFlags, STATX_TYPE, found) != 0) {
    return lacks_statx(errno) && ::fstat(fd, &status) == 0;
  }
  status.st_mode = found.stx_mode;
  status.st_dev = makedev(found.stx_dev_major, found.stx_dev_minor);
  return true;
#else
  return ::fstat(fd, &status) == 0;
#endif
}

}  // namespace

std::unique_ptr<OpenFile> borrow_file(NativeHandle handle, Result& result) {
  struct stat status {};
  const int flags = ::fcntl(handle, F_GETFL);
  if (flags < 0 || !look_at(handle, status)) {
    result = last_error();
    return nullptr;
  }
  auto file =
      std::make_unique<OpenFile>(handle, device_type_of(status.st_mode), Ownership::kBorrowed);
  file->append = (flags & O_APPEND) != 0;
  file->nonblocking = (flags & O_NONBLOCK) != 0;
  file->reads_only = (flags & O_ACCMODE) == O_RDONLY;
  file->device = status.st_dev;
#ifdef O_DIRECT
  // Its owner knows what the device needs; the flag keeps its transfers off the cached paths.
  file->unbuffered = (flags & O_DIRECT) != 0;
#endif
  return file;
}

}  // namespace overlapped
