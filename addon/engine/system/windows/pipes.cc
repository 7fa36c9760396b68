#include <memory>

#include "windows_io.h"
#include "system/devices.h"

namespace overlapped {

namespace {

constexpr DWORD kBufferSizeDefault = 64 * 1024;

DWORD buffer_size(const OpenRequest& request) {
  return request.preallocate > 0 ? static_cast<DWORD>(request.preallocate) : kBufferSizeDefault;
}

std::unique_ptr<OpenFile> pipe_end(HANDLE handle) {
  auto file = std::make_unique<OpenFile>(handle, DeviceType::kPipe);
  file->waits_by_event = true;
  return file;
}

// Returns INVALID_HANDLE_VALUE and sets GetLastError() on failure.
HANDLE create_instance(const OpenRequest& request, uint32_t flags, DWORD instances) {
  DWORD open_mode = FILE_FLAG_OVERLAPPED;
  if (flags & kPipeReads) open_mode |= PIPE_ACCESS_INBOUND;
  if (flags & kPipeWrites) open_mode |= PIPE_ACCESS_OUTBOUND;
  if (flags & kPipeFirst) open_mode |= FILE_FLAG_FIRST_PIPE_INSTANCE;
  DWORD pipe_mode = PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT;
  if (flags & kPipeMessages) pipe_mode |= PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE;
  if (!(flags & kPipeRemote)) pipe_mode |= PIPE_REJECT_REMOTE_CLIENTS;
  const DWORD size = buffer_size(request);
  return CreateNamedPipeW(request.path.c_str(), open_mode, pipe_mode, instances, size, size, 0,
                          nullptr);
}

}  // namespace

Result create_pipe_instance(Operation& op) {
  const OpenRequest& request = op.detail->open;
  const HANDLE handle =
      create_instance(request, static_cast<uint32_t>(request.flags), request.mode);
  if (handle == INVALID_HANDLE_VALUE) return last_error();
  op.detail->opened = pipe_end(handle);
  return Result::success(0);
}

Result disconnect_pipe(Operation& op) {
  return result_of(DisconnectNamedPipe(op.file->handle()));
}

Result configure_pipe(Operation& op) {
  DWORD mode = PIPE_WAIT | (op.flags & kPipeMessages ? PIPE_READMODE_MESSAGE : PIPE_READMODE_BYTE);
  return result_of(SetNamedPipeHandleState(op.file->handle(), &mode, nullptr, nullptr));
}

// The handles of CreatePipe cannot be overlapped. A client that opens the only instance of a named
// pipe is connected to it immediately.
Result create_pipe_pair(Operation& op) {
  const OpenRequest& request = op.detail->open;
  UniqueHandle reader(create_instance(request, kPipeReads | kPipeFirst, 1));
  if (!reader.valid()) return last_error();
  const HANDLE writer = CreateFileW(request.path.c_str(), GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                                    FILE_FLAG_OVERLAPPED, nullptr);
  if (writer == INVALID_HANDLE_VALUE) return last_error();
  op.detail->opened_peer = pipe_end(writer);
  op.detail->opened = pipe_end(reader.release());
  return Result::success(0);
}

}  // namespace overlapped
