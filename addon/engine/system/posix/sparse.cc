#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "system/sparse.h"
#include "system_call.h"

#ifdef __linux__
#include <linux/falloc.h>
#endif

namespace overlapped {

namespace {

// Finds the next range of data at or after `from`. `found` is false if there is none.
Result next_range(int fd, int64_t from, AllocatedRange& range, bool& found) {
  const off_t begin = ::lseek(fd, from, SEEK_DATA);
  found = begin >= 0;
  if (begin < 0) return errno == ENXIO ? Result::success(0) : last_error();
  const off_t end = ::lseek(fd, begin, SEEK_HOLE);
  if (end < 0) return last_error();
  range = {begin, end - begin};
  return Result::success(0);
}

Result list_ranges(int fd, int64_t begin, int64_t end, std::vector<AllocatedRange>& ranges) {
  while (begin < end && ranges.size() < kAllocatedRangesMax) {
    AllocatedRange range;
    bool found = false;
    const Result result = next_range(fd, begin, range, found);
    if (!result.ok()) return result;
    if (!found || range.position >= end) break;
    range.length = std::min(range.length, end - range.position);
    ranges.push_back(range);
    begin = range.position + range.length;
  }
  return Result::success(0);
}

}  // namespace

// Every file may have holes if its file system supports them.
Result set_sparse(Operation& op) {
  if (op.flags) return Result::success(0);
#ifdef __linux__
  struct stat status {};
  if (::fstat(op.file->handle(), &status) != 0) return last_error();
  if (status.st_size == 0) return Result::success(0);
  return ::fallocate(op.file->handle(), 0, 0, status.st_size) == 0 ? Result::success(0)
                                                                   : last_error();
#else
  return Result::failure(ENOTSUP);
#endif
}

Result punch_hole(Operation& op) {
#ifdef __linux__
  constexpr int kMode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  for (;;) {
    if (::fallocate(op.file->handle(), kMode, static_cast<off_t>(op.file_offset),
                    static_cast<off_t>(op.length)) == 0) {
      return Result::success(0);
    }
    if (errno != EINTR) return last_error();
    if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
  }
#elif defined(F_PUNCHHOLE)
  fpunchhole_t hole{0, 0, static_cast<off_t>(op.file_offset), static_cast<off_t>(op.length)};
  return ::fcntl(op.file->handle(), F_PUNCHHOLE, &hole) == 0 ? Result::success(0) : last_error();
#else
  (void)op;
  return Result::failure(ENOTSUP);
#endif
}

// lseek() finds the data but moves the cursor, which is then restored. The caller makes sure that
// nobody uses the cursor meanwhile.
Result allocated_ranges(Operation& op) {
  const int fd = op.file->handle();
  struct stat status {};
  if (::fstat(fd, &status) != 0) return last_error();
  const off_t cursor = ::lseek(fd, 0, SEEK_CUR);
  if (cursor < 0) return last_error();
  // fstat() reports size 0 for a block device.
  const off_t size = S_ISBLK(status.st_mode) ? ::lseek(fd, 0, SEEK_END) : status.st_size;
  const int64_t end = end_of_ranges(op, size);
  std::vector<AllocatedRange> ranges;
  Result listed = list_ranges(fd, op.file_offset, end, ranges);
  if (::lseek(fd, cursor, SEEK_SET) < 0) return last_error();
  if (listed.os_error == EINVAL) {
    // The file system cannot tell, so it has no visible holes.
    ranges.clear();
    if (op.file_offset < end) ranges.push_back({op.file_offset, end - op.file_offset});
    listed = Result::success(0);
  }
  return listed.ok() ? give_ranges(op, ranges.data(), ranges.size()) : listed;
}

}  // namespace overlapped
