#include <cstring>
#include <limits>
#include <memory>

#include "windows_io.h"
#include "system/devices.h"

namespace overlapped {

namespace {

// Windows has no type for mailslots (GetFileType), and some systems report them as disks.
std::unique_ptr<OpenFile> mailslot(HANDLE handle) {
  auto file = std::make_unique<OpenFile>(handle, DeviceType::kUnknown);
  file->waits_by_event = true;
  return file;
}

// MAILSLOT_WAIT_FOREVER and MAILSLOT_NO_MESSAGE are -1 in JavaScript, too.
int32_t to_int32(DWORD value) { return static_cast<int32_t>(value); }

}  // namespace

// CreateMailslotW always returns an overlapped handle.
Result create_mailslot(Operation& op) {
  const OpenRequest& request = op.detail->open;
  const HANDLE handle = CreateMailslotW(
      request.path.c_str(), static_cast<DWORD>(request.preallocate), request.mode, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return last_error();
  op.detail->opened = mailslot(handle);
  return Result::success(0);
}

Result open_mailslot(Operation& op) {
  const HANDLE handle =
      CreateFileW(op.detail->open.path.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                  nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return last_error();
  op.detail->opened = mailslot(handle);
  return Result::success(0);
}

Result set_mailslot(Operation& op) {
  return result_of(SetMailslotInfo(op.file->handle(), static_cast<DWORD>(op.length)));
}

Result mailslot_status(Operation& op) {
  DWORD message_max = 0;
  DWORD next = 0;
  DWORD count = 0;
  DWORD wait_ms = 0;
  const HANDLE handle = op.file->handle();
  if (!GetMailslotInfo(handle, &message_max, &next, &count, &wait_ms)) {
    return last_error();
  }
  const int32_t numbers[] = {to_int32(message_max), to_int32(next), to_int32(count),
                             to_int32(wait_ms)};
  op.details().content = std::make_unique<std::byte[]>(sizeof numbers);
  std::memcpy(op.detail->content.get(), numbers, sizeof numbers);
  return Result::success(sizeof numbers);
}

}  // namespace overlapped
