#include "windows_io.h"

#include <algorithm>

#include "native_calls.h"
#include "ntdll.h"
#include "workers/interrupt.h"

namespace overlapped {

namespace {

// At this position WriteFile appends, whatever the current size (WriteFile, Remarks).
constexpr uint64_t kEndOfFilePosition = ~uint64_t{0};

// The pause of a worker whose call was refused for lack of resources.
constexpr DWORD kShortagePauseMs = 5;

// The first nonempty buffer at or after `index`. An empty buffer would cost a call, which would
// fail at the end of a file.
size_t next_buffer(const Operation& op, size_t index) {
  const auto& vectors = op.detail->vectors;
  while (index < vectors.size() && vectors[index].length == 0) ++index;
  return index;
}

// The part of the current buffer that a transfer has left.
IoVector rest_of_buffer(const Operation& op) {
  IoVector buffer{op.data, op.length};
  if (op.is_vector()) buffer = op.detail->vectors[op.vector_index];
  buffer.data += op.buffer_moved;
  buffer.length -= op.buffer_moved;
  return buffer;
}

// What the next call is for.
IoVector current_buffer(const Operation& op) {
  IoVector buffer = rest_of_buffer(op);
  buffer.length = std::min(buffer.length, op.call_length_max);
  return buffer;
}

// Counts the bytes that a call has moved. True when the transfer has another call to make: for the
// rest of a buffer that the system had no resources for as a whole, or for the next buffer.
bool advance_buffer(Operation& op, size_t moved) {
  const bool whole = moved == current_buffer(op).length;
  op.transferred += moved;
  op.buffer_moved += moved;
  op.refusals = 0;
  if (!whole) return false;
  if (rest_of_buffer(op).length > 0) return op.call_length_max < kTransferMax;
  if (!op.is_vector()) return false;
  op.buffer_moved = 0;
  op.vector_index = next_buffer(op, op.vector_index + 1);
  return op.vector_index < op.detail->vectors.size();
}

// Callers serialize operations at the cursor, so it does not move while one of them runs.
uint64_t current_position(const Operation& op) {
  const OpenFile& file = *op.file;
  if (!file.is_disk()) return 0;
  if (op.is_write() && file.append) return kEndOfFilePosition;
  const int64_t begin =
      op.file_offset >= 0 ? op.file_offset : file.cursor();
  return static_cast<uint64_t>(begin) + op.transferred;
}

// The number of bytes to request for the current buffer. A read that crosses the end of a drive
// would fail as a whole; one that begins there would not report the end (ERROR_SECTOR_NOT_FOUND).
size_t current_length(const Operation& op) {
  const size_t length = current_buffer(op).length;
  if (!op.is_read() || op.file->device_size == 0) return length;
  const auto end = static_cast<uint64_t>(op.file->device_size);
  const uint64_t position = current_position(op);
  return position < end ? static_cast<size_t>(std::min<uint64_t>(length, end - position)) : 0;
}

void advance_cursor(Operation& op) {
  OpenFile& file = *op.file;
  if (op.file_offset >= 0 || !file.is_disk()) return;
  if (op.is_write() && file.append) {
    LARGE_INTEGER size{};
    if (GetFileSizeEx(file.handle(), &size)) file.set_cursor(size.QuadPart);
    return;
  }
  file.set_cursor(file.cursor() + static_cast<int64_t>(op.transferred));
}

bool is_at_end(const Operation& op) {
  LARGE_INTEGER size{};
  return GetFileSizeEx(op.file->handle(), &size) &&
         current_position(op) >= static_cast<uint64_t>(size.QuadPart);
}

// Whether the server has ended the connection of a pipe's client. Such a handle reports nothing
// about its pipe anymore; that of the server, whose own reads have failed, does.
bool is_disconnected_client(const Operation& op, uint32_t error) {
  DWORD flags = 0;
  return error == ERROR_PIPE_NOT_CONNECTED &&
         !(GetNamedPipeInfo(op.file->handle(), &flags, nullptr, nullptr, nullptr) &&
           (flags & PIPE_SERVER_END));
}

// Whether a read fails because a pipe's other side is closed, or because a serial port received
// nothing within its timeout. On a disk, which a server may stand behind, the same errors mean that
// data was not read.
bool is_end_of_stream(const Operation& op, uint32_t error) {
  if (op.file->is_disk()) return false;
  return error == ERROR_BROKEN_PIPE || error == ERROR_TIMEOUT || is_disconnected_client(op, error);
}

// The end of the data is not an error for a read. Some file systems reject an unbuffered read at
// the end of a file with ERROR_INVALID_PARAMETER, which otherwise means that something is not
// aligned.
bool is_end_of_data(const Operation& op, uint32_t error) {
  if (!op.is_read()) return false;
  if (error == ERROR_HANDLE_EOF || is_end_of_stream(op, error)) return true;
  return error == ERROR_INVALID_PARAMETER && op.file->unbuffered && is_at_end(op);
}

// If several reads of a serial port wait, Wine may end some with a timeout, although the port is
// set to wait without a limit.
bool ended_before_its_time(const Operation& op, uint32_t error) {
  if (!op.is_read() || error != ERROR_TIMEOUT || op.transferred > 0) return false;
  COMMTIMEOUTS times{};
  return GetCommTimeouts(op.file->handle(), &times) && times.ReadTotalTimeoutConstant == 0 &&
         times.ReadTotalTimeoutMultiplier == 0 && times.ReadIntervalTimeout != MAXDWORD;
}

// Whether the handle has the right that a transfer needs.
bool is_opened_for(const Operation& op) {
  constexpr uint32_t kWrites = FILE_WRITE_DATA | FILE_APPEND_DATA;
  const uint32_t needed = op.is_read() ? static_cast<uint32_t>(FILE_READ_DATA) : kWrites;
  return (granted_access(op.file->handle()) & needed) != 0;
}

// Node reports EBADF for a transfer that the handle was not opened for (libuv's uv_fs_read and
// uv_fs_write). A write to a pipe without a reader fails with one of two errors, depending on when
// the reader left, and the versions of libuv disagree on the second.
Result transfer_failure(const Operation& op, uint32_t error) {
  ErrorMeaning meaning = ErrorMeaning::kOfSystem;
  if (error == ERROR_ACCESS_DENIED && !is_opened_for(op)) meaning = ErrorMeaning::kBadDescriptor;
  if (op.is_write() && (error == ERROR_BROKEN_PIPE || error == ERROR_NO_DATA)) {
    meaning = ErrorMeaning::kBrokenPipe;
  }
  return Result::failure(error, meaning);
}

// A client may have connected, written and left again before the call (ConnectNamedPipe).
Result connect_result(uint32_t error) {
  const bool connected = error == ERROR_PIPE_CONNECTED || error == ERROR_NO_DATA;
  return connected ? Result::success(0) : Result{0, error};
}

// Waits until an overlapped call has signaled its event; an interrupt that is meant for it ends it.
void wait_for_call(Operation& op, HANDLE event, const std::atomic<bool>& cancel_requested) {
  const HANDLE events[] = {event, ThreadInterrupt::event_of_this_thread()};
  const DWORD count = events[1] ? 2 : 1;
  bool is_canceled = false;
  while (WaitForMultipleObjects(count, events, FALSE, INFINITE) == WAIT_OBJECT_0 + 1) {
    if (!cancel_requested.load(std::memory_order_acquire)) continue;
    is_canceled = true;
    CancelIoEx(op.file->handle(), &op.overlapped);
  }
  if (is_canceled) ThreadInterrupt::renew_call_event();
}

// Makes the next call of a transfer on a handle that waits with events, and waits until it ends.
uint32_t transfer_by_event(Operation& op, const std::atomic<bool>& cancel_requested,
                           size_t& moved) {
  const HANDLE event = ThreadInterrupt::call_event_of_this_thread();
  if (!event) return ERROR_NOT_ENOUGH_MEMORY;
  const uint32_t error = start_transfer(op, nullptr, event);
  // A warning, such as ERROR_MORE_DATA, ends the call with a count, as success does.
  if (!is_accepted(error)) return error;
  const HANDLE handle = op.file->handle();
  if (error == ERROR_IO_PENDING) wait_for_call(op, event, cancel_requested);
  if (op.overlapped.Internal == 0 && op.overlapped.InternalHigh > 0) {
    moved = static_cast<size_t>(op.overlapped.InternalHigh);
    return ERROR_SUCCESS;
  }
  DWORD bytes = 0;
  const BOOL done = GetOverlappedResult(handle, &op.overlapped, &bytes, FALSE);
  moved = bytes;
  // A serial port may end a canceled read as if it had timed out.
  if (op.is_read() && bytes == 0 && cancel_requested.load(std::memory_order_acquire)) {
    return ERROR_OPERATION_ABORTED;
  }
  return done ? ERROR_SUCCESS : GetLastError();
}

void shorten_calls(Operation& op) {
  // A pipe or a device may take the bytes of one call as a message.
  if (!op.file->is_disk()) return;
  const size_t half = current_buffer(op).length / 2;
  const size_t shorter = half - half % kShortenedUnit;
  if (shorter > 0) op.call_length_max = shorter;
}

// Makes the next call of a transfer and waits until it ends. An interrupt that was meant for
// another operation of this thread does not end it, and a shortage delays it.
uint32_t make_call(Operation& op, const std::atomic<bool>& cancel_requested, size_t& moved) {
  for (;;) {
    const uint32_t error = op.file->waits_by_event
                               ? transfer_by_event(op, cancel_requested, moved)
                               : start_transfer(op, &moved, nullptr);
    const bool is_refused = repeats_refused_call(op, error);
    if (!is_refused && error != ERROR_OPERATION_ABORTED) return error;
    if (cancel_requested.load(std::memory_order_acquire)) return ERROR_OPERATION_ABORTED;
    if (is_refused) Sleep(kShortagePauseMs);
  }
}

// Errors of a process that fills the system faster than it empties. They pass.
bool is_shortage(uint32_t error) {
  switch (error) {
    case ERROR_INVALID_USER_BUFFER:
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_WORKING_SET_QUOTA:
    case ERROR_NO_SYSTEM_RESOURCES:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool repeats_refused_call(Operation& op, uint32_t error) {
  if (!is_shortage(error) || op.refusals >= kRefusalsMax) return false;
  ++op.refusals;
  shorten_calls(op);
  return true;
}

bool is_unsupported(uint32_t error) {
  return error == ERROR_INVALID_PARAMETER || error == ERROR_INVALID_FUNCTION ||
         error == ERROR_NOT_SUPPORTED || error == ERROR_CALL_NOT_IMPLEMENTED ||
         error == ERROR_INVALID_LEVEL;
}

uint32_t start_lock(const Operation& op, uint32_t lock_flags, OVERLAPPED& overlapped) {
  const uint64_t length = lock_length(op);
  const DWORD flags =
      (lock_flags & kLockExclusive ? static_cast<DWORD>(LOCKFILE_EXCLUSIVE_LOCK) : 0) |
      (lock_flags & kLockWait ? 0 : static_cast<DWORD>(LOCKFILE_FAIL_IMMEDIATELY));
  const BOOL done = LockFileEx(op.file->handle(), flags, 0, static_cast<DWORD>(length),
                               static_cast<DWORD>(length >> 32), &overlapped);
  return done ? ERROR_SUCCESS : GetLastError();
}

bool begin_transfer(Operation& op) {
  op.transferred = op.buffer_moved = 0;
  op.call_length_max = kTransferMax;
  op.refusals = 0;
  op.vector_index = op.is_vector() ? next_buffer(op, 0) : 0;
  // The length of a lock is not a number of bytes to move, and a connect has no length.
  if (op.opcode == Opcode::kLock || op.opcode == Opcode::kConnectPipe) return true;
  const bool empty = op.is_vector() ? op.vector_index == op.detail->vectors.size() : op.length == 0;
  if (empty) op.result = Result::success(0);
  return !empty;
}

uint32_t start_transfer(Operation& op, size_t* moved, HANDLE event) {
  const IoVector buffer = current_buffer(op);
  const uint64_t position = current_position(op);
  OVERLAPPED& overlapped = op.overlapped;
  overlapped = OVERLAPPED{};
  overlapped.Offset = static_cast<DWORD>(position);
  overlapped.OffsetHigh = static_cast<DWORD>(position >> 32);
  overlapped.hEvent = event;
  op.overlapped.operation = &op;
  if (op.opcode == Opcode::kLock) return start_lock(op, op.flags, overlapped);
  if (op.opcode == Opcode::kConnectPipe) {
    const bool connected = ConnectNamedPipe(op.file->handle(), moved ? nullptr : &overlapped) != 0;
    return connected ? ERROR_SUCCESS : GetLastError();
  }
  // Without a position, the OVERLAPPED is only needed to report the completion.
  OVERLAPPED* const parameter = moved && !op.file->is_disk() ? nullptr : &overlapped;
  const HANDLE handle = op.file->handle();
  const auto length = static_cast<DWORD>(current_length(op));
  if (length == 0) return ERROR_HANDLE_EOF;
  DWORD count = 0;
  DWORD* const count_parameter = moved ? &count : nullptr;
  const NativeCalls& calls = native_calls();
  const BOOL done = op.is_read()
                        ? calls.read(handle, buffer.data, length, count_parameter, parameter)
                        : calls.write(handle, buffer.data, length, count_parameter, parameter);
  const uint32_t error = done ? ERROR_SUCCESS : GetLastError();
  if (moved) *moved = count;
  return error;
}

bool continue_transfer(Operation& op, uint32_t error, size_t moved) {
  if (op.opcode == Opcode::kConnectPipe) {
    op.result = connect_result(error);
    return false;
  }
  if (ended_before_its_time(op, error)) return true;
  // The message is longer than the buffer: the next read returns the rest.
  if (op.is_read() && error == ERROR_MORE_DATA) error = ERROR_SUCCESS;
  if (error == ERROR_SUCCESS) {
    if (advance_buffer(op, moved)) return true;
  } else if (op.transferred == 0 && !is_end_of_data(op, error)) {
    op.result = transfer_failure(op, error);
    return false;
  }
  // After an error the bytes of earlier buffers count; the next transfer meets the error again.
  op.result = Result::success(static_cast<int64_t>(op.transferred));
  advance_cursor(op);
  return false;
}

void transfer_synchronously(Operation& op, const std::atomic<bool>& cancel_requested) {
  if (!begin_transfer(op)) return;
  uint32_t error = ERROR_SUCCESS;
  size_t moved = 0;
  do {
    error = make_call(op, cancel_requested, moved);
  } while (continue_transfer(op, error, moved));
}

PrivateEvent::PrivateEvent(OVERLAPPED& overlapped)
    : overlapped_(overlapped), event_(CreateEventW(nullptr, TRUE, FALSE, nullptr)) {
  overlapped_.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<uintptr_t>(event_.get()) | 1);
}

Result PrivateEvent::result_of(HANDLE handle, BOOL done, DWORD count) const {
  if (done) return Result::success(count);
  const DWORD error = GetLastError();
  if (error != ERROR_IO_PENDING) return Result{static_cast<int64_t>(count), error};
  if (GetOverlappedResult(handle, &overlapped_, &count, TRUE)) return Result::success(count);
  return Result{static_cast<int64_t>(count), GetLastError()};
}

Result control_device(HANDLE handle, DWORD code, ControlInput input, ControlOutput output) {
  OVERLAPPED overlapped{};
  const PrivateEvent event(overlapped);
  if (!event.valid()) return last_error();
  DWORD count = 0;
  const BOOL done = DeviceIoControl(handle, code, input.data, input.size, output.data, output.size,
                                    &count, &overlapped);
  return event.result_of(handle, done, count);
}

Result query_device(HANDLE handle, DWORD code, void* output, DWORD size) {
  return control_device(handle, code, {}, {output, size});
}

Result grow_working_set(size_t bytes) {
  const HANDLE process = GetCurrentProcess();
  SIZE_T least = 0;
  SIZE_T most = 0;
  if (!GetProcessWorkingSetSize(process, &least, &most) ||
      !SetProcessWorkingSetSize(process, least + bytes, most + bytes)) {
    return last_error();
  }
  return Result::success(static_cast<int64_t>(least + bytes));
}

}  // namespace overlapped
