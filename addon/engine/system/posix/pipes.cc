#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "system/devices.h"
#include "system_call.h"

namespace overlapped {

namespace {

// Other users can be admitted with chmod(); a Windows pipe is also limited to its user.
constexpr mode_t kFifoMode = 0600;

Result set_size(int fd, int64_t bytes) {
#ifdef F_SETPIPE_SZ
  return ::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(bytes)) < 0 ? last_error() : Result::success(0);
#else
  (void)fd, (void)bytes;
  return Result::failure(ENOTSUP);
#endif
}

bool open_pipe(int (&ends)[2]) {
#ifdef __APPLE__
  if (::pipe(ends) != 0) return false;
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  return true;
#else
  return ::pipe2(ends, O_CLOEXEC) == 0;
#endif
}

}  // namespace

Result create_pipe_instance(Operation& op) {
  return ::mkfifo(op.detail->open.path.c_str(), kFifoMode) == 0 ? Result::success(0) : last_error();
}

// On POSIX, closing a FIFO ends the connection.
Result disconnect_pipe(Operation&) { return Result::failure(ENOSYS); }

Result configure_pipe(Operation& op) {
  return set_size(op.file->handle(), static_cast<int64_t>(op.length));
}

Result create_pipe_pair(Operation& op) {
  int ends[2];
  if (!open_pipe(ends)) return last_error();
  auto reader = std::make_unique<OpenFile>(ends[0], DeviceType::kPipe);
  auto writer = std::make_unique<OpenFile>(ends[1], DeviceType::kPipe);
  const int64_t size = op.detail->open.preallocate;
  const Result sized = size > 0 ? set_size(ends[1], size) : Result::success(0);
  if (!sized.ok()) return sized;
  op.detail->opened = std::move(reader);
  op.detail->opened_peer = std::move(writer);
  return Result::success(0);
}

// Operations that POSIX lacks.
Result create_mailslot(Operation&) { return Result::failure(ENOSYS); }
Result open_mailslot(Operation&) { return Result::failure(ENOSYS); }
Result set_mailslot(Operation&) { return Result::failure(ENOSYS); }
Result mailslot_status(Operation&) { return Result::failure(ENOSYS); }

}  // namespace overlapped
