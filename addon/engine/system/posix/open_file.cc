#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "open_file.h"

namespace overlapped {

Result OpenFile::close() {
  const NativeHandle handle = std::exchange(handle_, invalid_handle());
  if (handle == invalid_handle() || ownership_ == Ownership::kBorrowed) return Result::success(0);
  // After EINTR the descriptor is closed on Linux, and may be closed on other systems. A retry
  // could close a descriptor that another thread has since received (close(2), NOTES).
  if (::close(handle) != 0 && errno != EINTR && errno != EINPROGRESS) return Result::failure(errno);
  return Result::success(0);
}

void OpenFile::keep() {
  if (ownership_ == Ownership::kOwned) return;
  const int descriptor = ::fcntl(handle_, F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) return;
  handle_ = descriptor;
  ownership_ = Ownership::kOwned;
}

}  // namespace overlapped
