#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "blocking.h"
#include "file_status_posix.h"
#include "open_posix.h"

namespace overlapped {

namespace {

// The most that one read or write moves on Linux (read(2)); more on macOS fails with EINVAL.
constexpr size_t kTransferMax = 0x7ffff000;

// Repeats a call that a signal interrupted, unless the operation is to end.
template <typename Call>
Result repeat_interrupted(const Operation& operation, Call call) {
  for (;;) {
    const auto value = call();
    if (value >= 0) return Result::success(value);
    if (errno != EINTR) return Result::failure(static_cast<uint32_t>(errno));
    if (operation.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
  }
}

Result transfer(Operation& op) {
  const int fd = op.file->handle();
  const size_t length = std::min(op.length, kTransferMax);
  const auto offset = static_cast<off_t>(op.file_offset);
  if (op.opcode == Opcode::kRead) {
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
  // fsync() on macOS leaves the drive's own cache alone; F_FULLFSYNC does not (fsync(2) there).
  return repeat_interrupted(op, [&] { return ::fcntl(op.file->handle(), F_FULLFSYNC); });
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

Result open_operation(Operation& op) {
  for (;;) {
    const Result result =
        open_file(op.detail->open, HandleMode::kSynchronous, op.detail->opened);
    if (result.os_error != EINTR) return result;
    if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
  }
}

// Reads to the end of a file whose size is known to be small, or not known at all (files under
// /proc say 0). Gives the number of bytes, or kReadPathMax + 1 when there is more than that.
Result read_small(Operation& op, int fd, std::vector<std::byte>& content, size_t size_hint) {
  content.resize(std::min(size_hint + 1, kReadPathMax + 1));
  size_t filled = 0;
  for (;;) {
    const Result result = repeat_interrupted(
        op, [&] { return ::read(fd, content.data() + filled, content.size() - filled); });
    if (!result.ok()) return result;
    if (result.value == 0) break;
    filled += static_cast<size_t>(result.value);
    if (filled < content.size()) continue;
    if (filled > kReadPathMax) break;
    content.resize(std::min(std::max<size_t>(content.size() * 2, 8192), kReadPathMax + 1));
  }
  content.resize(filled);
  return Result::success(static_cast<int64_t>(filled));
}

Result read_path(Operation& op) {
  const Result opened = open_operation(op);
  if (!opened.ok()) return opened;
  op.detail->step = PathStep::kTransfer;
  OpenFile& file = *op.detail->opened;
  struct stat status {};
  if (::fstat(file.handle(), &status) != 0) return Result::failure(static_cast<uint32_t>(errno));
  const bool regular = S_ISREG(status.st_mode);
  // What is large, unbuffered or no regular file is read by the caller, through the open handle.
  if (!regular || file.unbuffered || std::cmp_greater(status.st_size, kReadPathMax)) {
    return Result::success(0);
  }
  const Result read =
      read_small(op, file.handle(), op.detail->content, static_cast<size_t>(status.st_size));
  if (read.ok() && std::cmp_greater(read.value, kReadPathMax)) {
    op.detail->content.clear();
    if (::lseek(file.handle(), 0, SEEK_SET) < 0) return Result::failure(static_cast<uint32_t>(errno));
    return Result::success(0);
  }
  op.detail->opened.reset();
  return read;
}

Result write_path(Operation& op) {
  const Result opened = open_operation(op);
  if (!opened.ok()) return opened;
  const std::unique_ptr<OpenFile> file = std::move(op.detail->opened);
  op.detail->step = PathStep::kTransfer;
  size_t written = 0;
  while (written < op.length) {
    const size_t length = std::min(op.length - written, kTransferMax);
    const Result result = repeat_interrupted(
        op, [&] { return ::write(file->handle(), op.data + written, length); });
    if (!result.ok()) return result;
    written += static_cast<size_t>(result.value);
  }
  op.detail->step = PathStep::kClose;
  const Result closed = file->close();
  return closed.ok() ? Result::success(static_cast<int64_t>(written)) : closed;
}

}  // namespace

bool try_without_waiting(Operation& operation) {
#ifdef __linux__
  if (operation.file_offset < 0 || !operation.file->is_disk() || operation.length == 0) return false;
  iovec vector{operation.data, operation.length};
  const ssize_t count =
      ::preadv2(operation.file->handle(), &vector, 1, operation.file_offset, RWF_NOWAIT);
  // A short count may mean that only a part was in the page cache, so it is no answer.
  if (count != 0 && std::cmp_not_equal(count, operation.length)) return false;
  operation.result = Result::success(count);
  return true;
#else
  (void)operation;
  return false;
#endif
}

void run_blocking(Operation& op) {
  switch (op.opcode) {
    case Opcode::kRead:
    case Opcode::kWrite:
      op.result = transfer(op);
      return;
    case Opcode::kReadVector:
    case Opcode::kWriteVector:
      op.result = transfer_vector(op);
      return;
    case Opcode::kOpen:
      op.result = open_operation(op);
      return;
    case Opcode::kClose:
      op.result = op.file->close();
      return;
    case Opcode::kStat:
    case Opcode::kStatPath:
    case Opcode::kLstatPath:
      op.result = read_file_status(op);
      return;
    case Opcode::kTruncate:
      op.result = repeat_interrupted(
          op, [&] { return ::ftruncate(op.file->handle(), static_cast<off_t>(op.length)); });
      return;
    case Opcode::kSync:
      op.result = sync(op);
      return;
    case Opcode::kDataSync:
      op.result = data_sync(op);
      return;
    case Opcode::kReadPath:
      op.result = read_path(op);
      return;
    case Opcode::kWritePath:
      op.result = write_path(op);
      return;
    case Opcode::kCancel:
      break;
  }
  op.result = Result::failure(ENOSYS);
}

}  // namespace overlapped
