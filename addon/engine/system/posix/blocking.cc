#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "system/blocking.h"
#include "system/copy_small_file.h"
#include "system/devices.h"
#include "system/entry_metadata.h"
#include "file_status.h"
#ifdef __linux__
#include "file_systems.h"
#endif
#include "io_priority.h"
#include "system/locks.h"
#include "open.h"
#include "system/seek.h"
#include "system/tree.h"
#include "system_call.h"
#include "uncached.h"

namespace overlapped {

namespace {

// The maximum number of bytes per read or write on Linux (read(2)); macOS fails with EINVAL beyond.
constexpr size_t kTransferMax = 0x7ffff000;

// Continues a read at the cursor whose first bytes have already been read.
Result read_rest(Operation& op) {
  const size_t length = std::min(op.length - op.transferred, kTransferMax);
  std::byte* const data = op.data + op.transferred;
  const Result rest =
      repeat_interrupted(op, [&] { return ::read(op.file->handle(), data, length); });
  return Result::success(static_cast<int64_t>(op.transferred) + (rest.ok() ? rest.value : 0));
}

Result transfer(Operation& op) {
  const int fd = op.file->handle();
  const size_t length = std::min(op.length, kTransferMax);
  const auto offset = static_cast<off_t>(op.file_offset);
  if (op.opcode == Opcode::kRead) {
    if (op.transferred > 0) return read_rest(op);
    return repeat_interrupted(op, [&] {
      return offset < 0 ? ::read(fd, op.data, length) : ::pread(fd, op.data, length, offset);
    });
  }
  return repeat_interrupted(op, [&] {
    return offset < 0 ? ::write(fd, op.data, length) : ::pwrite(fd, op.data, length, offset);
  });
}

Result transfer_vector(Operation& op) {
  const int fd = op.file->handle();
  const iovec* const vectors = op.detail->vectors.data();
  const int count = static_cast<int>(op.detail->vectors.size());
  const auto offset = static_cast<off_t>(op.file_offset);
  if (op.opcode == Opcode::kReadVector) {
    return repeat_interrupted(op, [&] {
      return offset < 0 ? ::readv(fd, vectors, count) : ::preadv(fd, vectors, count, offset);
    });
  }
  return repeat_interrupted(op, [&] {
    return offset < 0 ? ::writev(fd, vectors, count) : ::pwritev(fd, vectors, count, offset);
  });
}

Result data_sync(Operation& op) {
#ifdef __APPLE__
  // On macOS, fsync() does not flush the drive's own cache; F_FULLFSYNC does (fsync(2) there). File
  // systems that lack it, such as those of servers, do their best in fsync().
  return repeat_interrupted(op, [&] {
    const int fd = op.file->handle();
    const int result = ::fcntl(fd, F_FULLFSYNC);
    return result == 0 || errno == EINTR || errno == EIO ? result : ::fsync(fd);
  });
#else
  return repeat_interrupted(op, [&] { return ::fdatasync(op.file->handle()); });
#endif
}

Result sync(Operation& op) {
#ifdef __APPLE__
  return data_sync(op);
#else
  return repeat_interrupted(op, [&] { return ::fsync(op.file->handle()); });
#endif
}

// Reports write errors since the file was opened, including those of other files (syncfs(2)).
Result sync_file_system(Operation& op) {
#ifdef __linux__
  return repeat_interrupted(op, [&] { return ::syncfs(op.file->handle()); });
#else
  (void)op;
  return Result::failure(ENOTSUP);
#endif
}

// Opens the path of an operation. In the bounded lane this waits for nobody; `opened.would_wait`
// then says that the operation belongs in the other lane.
Result open_path(Operation& op, PosixOpen& opened) {
  const OpenWait wait = op.may_wait ? OpenWait::kAllowed : OpenWait::kRefused;
  Result result;
  do {
    result = open_posix(op.detail->open, wait, opened);
    if (result.os_error != EINTR) break;
    if (op.cancel_requested.load(std::memory_order_acquire)) result = Result::cancelled();
  } while (result.os_error == EINTR);
  // Closes the file of the first attempt, now that a peer can see the second one.
  op.detail->opened = std::move(opened.file);
  return result;
}

// Gives the open file the flags that the caller asked for.
Result hand_over(Operation& op) {
  return op.may_wait ? Result::success(0) : end_nonblocking(*op.detail->opened, op.detail->open);
}

// An open of a FIFO for reading releases a waiting writer, which may be gone again before a second,
// blocking open begins; that open would then wait forever. So a FIFO is not opened to find out
// whether it is one.
bool is_fifo_to_read(const OpenRequest& request) {
  if ((request.flags & O_ACCMODE) != O_RDONLY || (request.flags & O_NONBLOCK)) return false;
  struct stat status {};
  const int looked =
      request.is_name()
          ? ::fstatat(request.directory, request.path.c_str(), &status, AT_SYMLINK_NOFOLLOW)
          : ::stat(request.path.c_str(), &status);
  return looked == 0 && S_ISFIFO(status.st_mode);
}

bool run_open(Operation& op) {
  if (op.opcode == Opcode::kOpenIn) op.detail->open.directory = op.file->handle();
  if (!op.may_wait && is_fifo_to_read(op.detail->open)) return false;
  PosixOpen opened;
  op.result = open_path(op, opened);
  if (opened.would_wait) return false;
  if (op.result.ok()) op.result = hand_over(op);
  return true;
}

// Reads a small file of known size. As in Node, it reads no more than that size, and spends no call
// on finding the end.
Result read_known_size(Operation& op, int fd, size_t size) {
  auto content = std::make_unique_for_overwrite<std::byte[]>(size);
  size_t filled = 0;
  while (filled < size) {
    const Result result =
        repeat_interrupted(op, [&] { return ::read(fd, content.get() + filled, size - filled); });
    if (!result.ok()) return result;
    if (result.value == 0) break;
    filled += static_cast<size_t>(result.value);
  }
  op.detail->content = std::move(content);
  return Result::success(static_cast<int64_t>(filled));
}

// Reads a file that reports size 0, as files in /proc do. Returns kReadPathMax + 1 if it is larger.
Result read_unknown_size(Operation& op, int fd) {
  std::vector<std::byte> content(8192);
  size_t filled = 0;
  for (;;) {
    const Result result = repeat_interrupted(
        op, [&] { return ::read(fd, content.data() + filled, content.size() - filled); });
    if (!result.ok()) return result;
    if (result.value == 0) break;
    filled += static_cast<size_t>(result.value);
    if (filled > kReadPathMax) return Result::success(static_cast<int64_t>(filled));
    if (filled == content.size()) content.resize(std::min(2 * filled, kReadPathMax + 1));
  }
  op.detail->content = std::make_unique_for_overwrite<std::byte[]>(filled);
  std::copy_n(content.data(), filled, op.detail->content.get());
  return Result::success(static_cast<int64_t>(filled));
}

Result read_opened(Operation& op, const PosixOpen& opened) {
  OpenFile& file = *op.detail->opened;
#ifdef __linux__
  if (op.file_systems) note_file_system(file, *op.file_systems);
#endif
  const auto size = static_cast<uint64_t>(opened.status.st_size);
  // The caller reads large, unbuffered and non-regular files through the open handle.
  if (!S_ISREG(opened.status.st_mode) || file.unbuffered || size > kReadPathMax) {
    return hand_over(op);
  }
  const Result read = size > 0 ? read_known_size(op, file.handle(), static_cast<size_t>(size))
                               : read_unknown_size(op, file.handle());
  if (read.ok() && !op.detail->content) {
    if (::lseek(file.handle(), 0, SEEK_SET) < 0) return last_error();
    return hand_over(op);
  }
  op.detail->opened.reset();
  return read;
}

// Looking first costs a third of reading a small file (stat, 1.2 of 3.5 us). A reader of the whole
// content need not learn of a writer before its first byte, or of its departure; Linux reports both
// on the descriptor that is already open, and other systems report at once that nobody writes.
#ifdef __linux__
constexpr bool kPollWaitsForWriter = true;
#else
constexpr bool kPollWaitsForWriter = false;
#endif

Result wait_for_writer(const Operation& op) {
  const OpenFile& file = *op.detail->opened;
  if (file.nonblocking) return Result::success(0);
  pollfd fifo{file.handle(), POLLIN, 0};
  const Result ready = repeat_interrupted(op, [&] { return ::poll(&fifo, 1, -1); });
  return ready.ok() ? end_nonblocking(file, op.detail->open) : ready;
}

bool run_read_path(Operation& op) {
  if (!kPollWaitsForWriter && !op.may_wait && is_fifo_to_read(op.detail->open)) return false;
  if (op.detail->opened) {
    op.result = wait_for_writer(op);
    if (!op.result.ok()) op.detail->opened.reset();
    return true;
  }
  PosixOpen opened;
  op.result = open_path(op, opened);
  if (opened.would_wait) return false;
  if (!op.result.ok()) return true;
  set_step(op, PathStep::kTransfer);
  op.result = read_opened(op, opened);
  if (!op.result.ok()) op.detail->opened.reset();
  return true;
}

Result write_opened(Operation& op, OpenFile& file) {
  set_step(op, PathStep::kTransfer);
  size_t written = 0;
  while (written < op.length) {
    const size_t length = std::min(op.length - written, kTransferMax);
    const Result result =
        repeat_interrupted(op, [&] { return ::write(file.handle(), op.data + written, length); });
    if (!result.ok()) return result;
    written += static_cast<size_t>(result.value);
  }
  set_step(op, PathStep::kClose);
  const Result closed = file.close();
  return closed.ok() ? Result::success(static_cast<int64_t>(written)) : closed;
}

// Writes the first bytes of a new stream. Returns whether the file has taken all of them; the next
// write moves the others and reports the error.
bool write_first_bytes(Operation& op) {
  const int fd = op.detail->opened->handle();
  while (op.transferred < op.length) {
    const Result written = repeat_interrupted(
        op, [&] { return ::write(fd, op.data + op.transferred, op.length - op.transferred); });
    if (!written.ok() || written.value == 0) return false;
    op.transferred += static_cast<size_t>(written.value);
  }
  return true;
}

// Writes to anything but a regular file may wait, and are left to the stream, too.
Result write_for_stream(Operation& op, const PosixOpen& opened) {
  const bool is_written = S_ISREG(opened.status.st_mode) && write_first_bytes(op);
  if (!is_written || (op.detail->open.options & kReturnsOpen)) return hand_over(op);
  set_step(op, PathStep::kClose);
  const Result closed = op.detail->opened->close();
  op.detail->opened.reset();
  return closed.ok() ? Result::success(kWrittenAndClosed) : closed;
}

bool run_write_path(Operation& op) {
  PosixOpen opened;
  op.result = open_path(op, opened);
  if (opened.would_wait) return false;
  if (!op.result.ok()) return true;
  if (op.detail->open.options & (kReturnsUnfinished | kReturnsOpen)) {
    op.result = write_for_stream(op, opened);
    return true;
  }
  // A write to anything but a regular file may wait, too.
  if (!S_ISREG(opened.status.st_mode) && !op.may_wait) return false;
  const std::unique_ptr<OpenFile> file = std::move(op.detail->opened);
  op.result = write_opened(op, *file);
  return true;
}

Result truncate(Operation& op) {
  return repeat_interrupted(
      op, [&] { return ::ftruncate(op.file->handle(), static_cast<off_t>(op.length)); });
}

Result run_transfer(Operation& op) {
#ifdef __linux__
  if (op.file->caching != Caching::kKept && op.transferred == 0) return run_uncached_transfer(op);
#endif
  return op.is_vector() ? transfer_vector(op) : transfer(op);
}

// Operations that open nothing.
Result run_on_file(Operation& op) {
  switch (op.opcode) {
    case Opcode::kRead:
    case Opcode::kWrite:
    case Opcode::kReadVector:
    case Opcode::kWriteVector:
      return run_transfer(op);
    case Opcode::kClose:
      return op.file->close();
    case Opcode::kStat:
    case Opcode::kStatPath:
    case Opcode::kLstatPath:
      return read_file_status(op);
    case Opcode::kAccessPath:
      return repeat_interrupted(op, [&] {
        return ::access(op.detail->open.path.c_str(), static_cast<int>(op.detail->open.mode));
      });
    case Opcode::kTruncate:
      return truncate(op);
    case Opcode::kSync:
      return sync(op);
    case Opcode::kDataSync:
      return data_sync(op);
    case Opcode::kSyncFileSystem:
      return sync_file_system(op);
    case Opcode::kListTree:
      return list_tree(op);
    case Opcode::kRemoveTree:
      return remove_tree(op);
    case Opcode::kCopySmallFile:
      return copy_small_file(op);
    case Opcode::kCopySmallFiles:
    case Opcode::kRenamePairs:
      return run_on_pairs(op);
    case Opcode::kSetMetadataIn:
      return set_metadata_in(op);
    default:
      return run_on_metadata(op);
  }
}

bool run_call(Operation& op) {
  switch (op.opcode) {
    case Opcode::kOpen:
    case Opcode::kOpenIn:
      return run_open(op);
    case Opcode::kReadIn:
      op.detail->open.directory = op.file->handle();
      return run_read_path(op);
    case Opcode::kReadPath:
      return run_read_path(op);
    case Opcode::kWritePath:
      return run_write_path(op);
    case Opcode::kLock:
      return lock_range(op);
    default:
      op.result = run_on_file(op);
      return true;
  }
}

#ifdef __linux__
// Learns from an operation that looked at a path and was not done in place.
void learn_from(const Operation& op, FileSystems& file_systems) {
  if (op.detail && op.detail->opened) return note_file_system(*op.detail->opened, file_systems);
  switch (op.opcode) {
    case Opcode::kLstatPath:
      if (S_ISLNK(op.detail->status.mode)) return;
      [[fallthrough]];
    case Opcode::kStatPath:
      if (file_systems.knows(op.detail->status.dev)) return;
      return note_file_system(op.detail->open.path, file_systems);
    case Opcode::kAccessPath:
      return note_file_system(op.detail->open.path, file_systems);
    default:
      return;
  }
}
#endif

}  // namespace

bool run_blocking_call(Operation& op) {
  const ThreadIoPriority priority(op);
#ifdef __linux__
  FileSystems* const file_systems = op.file_systems;
  if (file_systems && op.file && op.is_transfer()) note_file_system(*op.file, *file_systems);
  const bool has_ended = run_call(op);
  if (file_systems && op.result.ok()) learn_from(op, *file_systems);
  return has_ended;
#else
  return run_call(op);
#endif
}

}  // namespace overlapped
