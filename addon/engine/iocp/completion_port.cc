#include "completion_port.h"

namespace overlapped {

CompletionPort CompletionPort::create(size_t concurrency) {
  return CompletionPort(UniqueHandle(
      CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, static_cast<DWORD>(concurrency))));
}

Result CompletionPort::attach(HANDLE handle) {
  const bool attached = CreateIoCompletionPort(handle, port_.get(), kTransferKey, 0) != nullptr;
  return result_of(attached);
}

bool CompletionPort::skip_packets(HANDLE handle) {
  constexpr UCHAR kModes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
  return SetFileCompletionNotificationModes(handle, kModes) != 0;
}

uint32_t CompletionPort::post(PacketKind kind) {
  const auto key = static_cast<ULONG_PTR>(kind);
  return PostQueuedCompletionStatus(port_.get(), 0, key, nullptr) ? ERROR_SUCCESS : GetLastError();
}

std::span<const Packet> CompletionPort::take(Packets& packets, DWORD wait_ms) {
  std::array<OVERLAPPED_ENTRY, kPacketsMax> entries;
  ULONG count = 0;
  // A failure is a timeout: the only other one is that of a closed port, which outlives its users.
  if (!GetQueuedCompletionStatusEx(port_.get(), entries.data(), kPacketsMax, &count, wait_ms,
                                   FALSE)) {
    return {};
  }
  for (ULONG i = 0; i < count; ++i) {
    auto* const overlapped = static_cast<OverlappedTransfer*>(entries[i].lpOverlapped);
    packets[i].kind = static_cast<PacketKind>(entries[i].lpCompletionKey);
    packets[i].operation = overlapped ? overlapped->operation : nullptr;
  }
  return std::span<const Packet>(packets).first(count);
}

}  // namespace overlapped
