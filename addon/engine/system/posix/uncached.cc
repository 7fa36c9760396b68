#include "uncached.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#ifdef __linux__
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>

#include "linux_calls.h"
#include "system_call.h"
#endif

namespace overlapped {

#ifdef __linux__

namespace {

// Linux 6.14: pages that a transfer brings into the cache leave it when they are read or written
// back; those that were there stay.
constexpr int kDontCacheFlag = 0x80;
constexpr size_t kTransferMax = 0x7ffff000;
// Far behind the end of every file, so that a read there returns at once.
constexpr int64_t kBeyondEnd = std::numeric_limits<int64_t>::max() / 2;

#ifdef __NR_cachestat
constexpr long kCacheStat = __NR_cachestat;
#else
constexpr long kCacheStat = 451;
#endif

constexpr unsigned kWriteBack =
    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

struct CacheRange {
  uint64_t offset;
  uint64_t length;
};

struct CacheCount {
  uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

// cachestat(2), Linux 6.5. Without it nothing is known to have been cached.
bool is_any_cached(int fd, int64_t offset, size_t length) {
  CacheRange range{static_cast<uint64_t>(offset), length};
  CacheCount count{};
  return ::syscall(kCacheStat, fd, &range, &count, 0U) == 0 && count.cached > 0;
}

bool is_memory(int fd) {
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) return false;
  return status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC;
}

// Whether reads of the file accept the flag. One that is open for writing alone shows it later.
bool accepts_flag(int fd) {
  std::byte byte;
  iovec vector{&byte, 1};
  return ::syscall(SYS_preadv2, fd, &vector, 1, kBeyondEnd, 0, kDontCacheFlag) >= 0 ||
         errno == EBADF;
}

void use_advice(OpenFile& file) {
  file.caching = Caching::kAdvised;
  // Pages that the system reads ahead could not be told from those that others have cached.
  (void)::posix_fadvise(file.handle(), 0, 0, POSIX_FADV_RANDOM);
}

// The plain calls serve transfers without flags, because some emulators know only those.
ssize_t transfer_plainly(const Operation& op, const iovec* vectors, size_t count) {
  const int fd = op.file->handle();
  const auto vector_count = static_cast<int>(count);
  const auto offset = static_cast<off_t>(op.file_offset);
  if (op.is_read()) {
    return offset < 0 ? ::readv(fd, vectors, vector_count)
                      : ::preadv(fd, vectors, vector_count, offset);
  }
  return offset < 0 ? ::writev(fd, vectors, vector_count)
                    : ::pwritev(fd, vectors, vector_count, offset);
}

ssize_t transfer_once(const Operation& op, int flags) {
  iovec one{op.data, std::min(op.length, kTransferMax)};
  const iovec* const vectors = op.is_vector() ? op.detail->vectors.data() : &one;
  const size_t count = op.is_vector() ? op.detail->vectors.size() : 1;
  if (flags == 0) return transfer_plainly(op, vectors, count);
  const auto number = op.is_read() ? SYS_preadv2 : SYS_pwritev2;
  return static_cast<ssize_t>(
      ::syscall(number, op.file->handle(), vectors, count, op.file_offset, 0, flags));
}

size_t size_of(const Operation& op) {
  if (!op.is_vector()) return op.length;
  size_t size = 0;
  for (const IoVector& vector : op.detail->vectors) size += vector.iov_len;
  return size;
}

// Where a transfer begins: its position, or the cursor. Negative where there is none.
int64_t start_of(const Operation& op) {
  return op.file_offset >= 0 ? op.file_offset : ::lseek(op.file->handle(), 0, SEEK_CUR);
}

// Fails where the write has been lost: the next sync would not report it again.
Result drop(const Operation& op, int64_t start, const Result& moved) {
  const int fd = op.file->handle();
  const auto length = static_cast<off_t>(moved.value);
  if (op.is_write() && ::sync_file_range(fd, start, length, kWriteBack) != 0 &&
      (errno == EIO || errno == ENOSPC || errno == EDQUOT)) {
    return last_error();
  }
  (void)::posix_fadvise(fd, start, length, POSIX_FADV_DONTNEED);
  return moved;
}

}  // namespace

Result set_up_uncached(OpenFile& file) {
  const DeviceType type = file.device_type();
  const bool is_cached = type == DeviceType::kDisk || type == DeviceType::kBlock;
  if (!is_cached || file.unbuffered) return Result::success(0);
  // The node of a device is on a file system of its own.
  if (type == DeviceType::kDisk && is_memory(file.handle())) return Result::failure(ENOTSUP);
  if (accepts_flag(file.handle())) {
    file.caching = Caching::kDropped;
  } else {
    use_advice(file);
  }
  return Result::success(0);
}

int flags_of_transfers(const OpenFile& file) {
  return file.caching == Caching::kDropped ? kDontCacheFlag : 0;
}

bool lacks_flags(OpenFile& file, int error) {
  if (error != EOPNOTSUPP || file.caching != Caching::kDropped) return false;
  use_advice(file);
  return true;
}

Result run_uncached_transfer(Operation& op) {
  const auto run = [&] { return transfer_once(op, flags_of_transfers(*op.file)); };
  Result result = Result::success(0);
  if (op.file->caching == Caching::kDropped) {
    result = repeat_interrupted(op, run);
    if (result.ok() || !lacks_flags(*op.file, static_cast<int>(result.os_error))) return result;
  }
  const int64_t start = start_of(op);
  const bool may_drop = start >= 0 && !is_any_cached(op.file->handle(), start, size_of(op));
  result = repeat_interrupted(op, run);
  return result.ok() && result.value > 0 && may_drop ? drop(op, start, result) : result;
}

ssize_t read_uncached(int fd, void* memory, size_t length) {
  iovec vector{memory, length};
  constexpr int64_t kAtCursor = -1;
  return static_cast<ssize_t>(
      ::syscall(SYS_preadv2, fd, &vector, 1, kAtCursor, kAtCursor, kDontCacheFlag));
}

void drop_from_cache(int fd) { (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); }

#elif defined(F_NOCACHE)

Result set_up_uncached(OpenFile& file) {
  // Unlike on an unbuffered file, transfers need not be aligned (fcntl(2) of macOS).
  if (file.unbuffered || file.device_type() != DeviceType::kDisk) return Result::success(0);
  return ::fcntl(file.handle(), F_NOCACHE, 1) == 0 ? Result::success(0)
                                                   : Result::failure(static_cast<uint32_t>(errno));
}

#else

Result set_up_uncached(OpenFile&) { return Result::failure(ENOTSUP); }

#endif

}  // namespace overlapped
