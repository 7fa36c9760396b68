#include "system/blocking.h"

#include <utility>

#include "windows_io.h"
#include "system/copy_small_file.h"
#include "system/devices.h"
#include "file_status.h"
#include "ntdll.h"
#include "open.h"
#include "system/locks.h"
#include "system/tree.h"

namespace overlapped {

namespace {

// Repeats an interrupted call, unless the operation should end. CancelSynchronousIo interrupts
// whatever call the thread is in, so it may have been meant for an earlier operation.
template <typename Call>
Result repeat_interrupted(const Operation& op, Call call) {
  for (;;) {
    const Result result = call();
    if (result.os_error != ERROR_OPERATION_ABORTED) return result;
    if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
  }
}

Result open_operation(Operation& op, std::unique_ptr<OpenFile>& opened) {
  return repeat_interrupted(
      op, [&] { return open_file(op.detail->open, HandleMode::kSynchronous, opened); });
}

// One transfer within a compound operation; a cancel targets the whole operation.
Result transfer_part(const Operation& whole, Operation& part) {
  transfer_synchronously(part, whole.cancel_requested);
  return part.result;
}

Result read_whole(const Operation& op, OpenFile& file, std::byte* content, size_t size) {
  size_t filled = 0;
  while (filled < size) {
    Operation part;
    part.opcode = Opcode::kRead;
    part.file = &file;
    part.data = content + filled;
    part.length = size - filled;
    part.file_offset = static_cast<int64_t>(filled);
    const Result read = transfer_part(op, part);
    if (!read.ok()) return read;
    if (read.value == 0) break;
    filled += static_cast<size_t>(read.value);
  }
  return Result::success(static_cast<int64_t>(filled));
}

// Returns the open file to the caller, which makes its own transfers. A pipe is not opened twice,
// because its server would see two clients.
Result hand_over(Operation& op, std::unique_ptr<OpenFile> file) {
  op.detail->opened = std::move(file);
  if (!op.detail->opened->is_disk() || op.detail->opened->is_exclusive) return Result::success(0);
  return reopen_for_transfers(op.detail->open, op.detail->opened);
}

Result read_path(Operation& op) {
  std::unique_ptr<OpenFile> file;
  const Result opened = open_operation(op, file);
  if (!opened.ok()) return opened;
  set_step(op, PathStep::kTransfer);
  LARGE_INTEGER size{};
  const bool regular = file->device_type() == DeviceType::kDisk;
  if (regular && !GetFileSizeEx(file->handle(), &size)) return last_error();
  // The caller reads large, unbuffered and non-regular files through the open handle.
  if (!regular || file->unbuffered || std::cmp_greater(size.QuadPart, kReadPathMax)) {
    return hand_over(op, std::move(file));
  }
  const auto length = static_cast<size_t>(size.QuadPart);
  if (length == 0) {
    // The handle may not be readable, and the file may have grown.
    std::byte first;
    const Result read = read_whole(op, *file, &first, 1);
    if (read.ok() && read.value > 0) return hand_over(op, std::move(file));
    if (!read.ok()) return read;
  }
  op.detail->content = std::make_unique_for_overwrite<std::byte[]>(length);
  return read_whole(op, *file, op.detail->content.get(), length);
}

Result write_path(Operation& op) {
  std::unique_ptr<OpenFile> file;
  const Result opened = open_operation(op, file);
  if (!opened.ok()) return opened;
  set_step(op, PathStep::kTransfer);
  size_t written = 0;
  while (written < op.length) {
    Operation part;
    part.opcode = Opcode::kWrite;
    part.file = file.get();
    part.data = op.data + written;
    part.length = op.length - written;
    part.file_offset = static_cast<int64_t>(written);
    const Result result = transfer_part(op, part);
    if (!result.ok()) return result;
    // A write that neither fails nor moves any bytes would otherwise repeat endlessly.
    if (result.value == 0) return Result::failure(ERROR_WRITE_FAULT);
    written += static_cast<size_t>(result.value);
  }
  set_step(op, PathStep::kClose);
  const Result closed = file->close();
  return closed.ok() ? Result::success(static_cast<int64_t>(written)) : closed;
}

Result truncate(Operation& op) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(op.length);
  return repeat_interrupted(op, [&] {
    return result_of(
        SetFileInformationByHandle(op.file->handle(), FileEndOfFileInfo, &end, sizeof end));
  });
}

}  // namespace


namespace {

void execute(Operation& op) {
  switch (op.opcode) {
    case Opcode::kRead:
    case Opcode::kWrite:
    case Opcode::kReadVector:
    case Opcode::kWriteVector:
    case Opcode::kConnectPipe:
      transfer_synchronously(op, op.cancel_requested);
      return;
    case Opcode::kOpenIn:
      op.detail->open.directory = op.file->handle();
      [[fallthrough]];
    case Opcode::kOpen:
      op.result = repeat_interrupted(
          op, [&] { return open_for_transfers(op.detail->open, op.detail->opened); });
      return;
    case Opcode::kClose:
      op.result = op.file->close();
      return;
    case Opcode::kStat:
    case Opcode::kStatPath:
    case Opcode::kLstatPath:
      op.result = repeat_interrupted(op, [&] { return read_file_status(op); });
      return;
    case Opcode::kTruncate:
      op.result = truncate(op);
      return;
    case Opcode::kDataSync:
      op.result = repeat_interrupted(op, [&] { return flush_data(op.file->handle()); });
      return;
    case Opcode::kSync:
      op.result =
          repeat_interrupted(op, [&] { return result_of(FlushFileBuffers(op.file->handle())); });
      return;
    case Opcode::kSyncFileSystem:
      op.result = Result::failure(ERROR_NOT_SUPPORTED);
      return;
    case Opcode::kReadIn:
      op.detail->open.directory = op.file->handle();
      [[fallthrough]];
    case Opcode::kReadPath:
      op.result = read_path(op);
      return;
    case Opcode::kWritePath:
      op.result = write_path(op);
      return;
    case Opcode::kListTree:
      op.result = repeat_interrupted(op, [&] { return list_tree(op); });
      return;
    case Opcode::kRemoveTree:
      op.result = repeat_interrupted(op, [&] { return remove_tree(op); });
      return;
    case Opcode::kCopySmallFile:
      op.result = repeat_interrupted(op, [&] { return copy_small_file(op); });
      return;
    default:
      op.result = repeat_interrupted(op, [&] { return run_on_metadata(op); });
  }
}

}  // namespace

// On Windows only locks wait for another party; CreateFileW does not.
bool run_blocking_call(Operation& operation) {
  if (operation.opcode == Opcode::kLock) return lock_range(operation);
  execute(operation);
  return true;
}

}  // namespace overlapped
