#include "open_file.h"

namespace overlapped {

Result OpenFile::close() {
  if (handle_ == invalid_handle()) return Result::success(0);
  const HANDLE handle = handle_;
  handle_ = invalid_handle();
  if (ownership_ == Ownership::kBorrowed) return Result::success(0);
  return CloseHandle(handle) ? Result::success(0) : Result::failure(GetLastError());
}

}  // namespace overlapped
