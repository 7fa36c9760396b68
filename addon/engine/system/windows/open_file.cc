#include "open_file.h"

#include "ntdll.h"
#include "windows_io.h"

namespace overlapped {

namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

}  // namespace

int64_t OpenFile::cursor() const {
  const HANDLE pointer = pointer_.load(std::memory_order_acquire);
  LARGE_INTEGER position{};
  if (pointer != invalid_handle() && SetFilePointerEx(pointer, {}, &position, FILE_CURRENT)) {
    return position.QuadPart;
  }
  return cursor_.load(std::memory_order_relaxed);
}

void OpenFile::set_cursor(int64_t position) {
  cursor_.store(position, std::memory_order_relaxed);
  const HANDLE pointer = pointer_.load(std::memory_order_acquire);
  LARGE_INTEGER to{};
  to.QuadPart = position;
  if (pointer != invalid_handle()) SetFilePointerEx(pointer, to, nullptr, FILE_BEGIN);
}

Result OpenFile::open_second(NativeHandle& handle) {
  const HANDLE process = GetCurrentProcess();
  // An exclusive file is open for synchronous calls, so its own handle can be used.
  if (is_exclusive && !overlapped) {
    const BOOL done =
        DuplicateHandle(process, handle_, process, &handle, 0, FALSE, DUPLICATE_SAME_ACCESS);
    if (!done) return last_error();
  } else {
    const DWORD rights = access != 0 ? access : granted_access(handle_);
    // The flag allows opening folders (CreateFileW), and has no effect on files.
    handle = ReOpenFile(handle_, rights, kShareAll, FILE_FLAG_BACKUP_SEMANTICS | reopen_flags);
    if (handle == invalid_handle()) return last_error();
  }
  if (device_type_ != DeviceType::kDisk) return Result::success(0);
  LARGE_INTEGER position{};
  position.QuadPart = cursor();
  SetFilePointerEx(handle, position, nullptr, FILE_BEGIN);
  HANDLE pointer = invalid_handle();
  if (DuplicateHandle(process, handle, process, &pointer, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
    const HANDLE previous = pointer_.exchange(pointer, std::memory_order_acq_rel);
    if (previous != invalid_handle()) CloseHandle(previous);
  }
  return Result::success(0);
}

// Handles of other programs are never borrowed here.
void OpenFile::keep() {}

Result OpenFile::close() {
  if (handle_ == invalid_handle()) return Result::success(0);
  const HANDLE handle = handle_;
  handle_ = invalid_handle();
  const HANDLE pointer = pointer_.exchange(invalid_handle());
  if (pointer != invalid_handle()) CloseHandle(pointer);
  if (ownership_ == Ownership::kBorrowed) return Result::success(0);
  return result_of(CloseHandle(handle));
}

}  // namespace overlapped
