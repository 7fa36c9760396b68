#include "ntdll.h"

#include "native_calls.h"
#include "windows_io.h"

namespace overlapped {

namespace {

constexpr ULONG kFlushDataSyncOnly = 4;  // FLUSH_FLAGS_FILE_DATA_SYNC_ONLY
constexpr ULONG kSeverityShift = 30;
constexpr ULONG kSeverityError = 3;

}  // namespace

bool is_accepted(uint32_t error) {
  if (error == ERROR_SUCCESS || error == ERROR_IO_PENDING) return true;
  const NativeCalls& calls = native_calls();
  const NTSTATUS status = calls.last_status();
  // An error that kernel32 generated itself leaves the status of an earlier call in place.
  if (calls.error_of(status) != error) return error == ERROR_MORE_DATA;
  return static_cast<ULONG>(status) >> kSeverityShift != kSeverityError;
}

uint32_t granted_access(HANDLE handle) {
  ACCESS_MASK access = 0;
  IO_STATUS_BLOCK block{};
  const NTSTATUS status = native_calls().query_information(handle, &block, &access, sizeof access,
                                                           kNativeAccessInformation);
  return status < 0 ? ~uint32_t{0} : access;
}

// A failed flush is never repeated in another way: the second one could succeed, and so hide that
// data was lost.
Result flush_data(HANDLE handle) {
  if (const auto flush = native_calls().flush) {
    IO_STATUS_BLOCK block{};
    const Result flushed =
        result_of_status(flush(handle, kFlushDataSyncOnly, nullptr, 0, &block));
    if (!is_unsupported(flushed.os_error)) return flushed;
  }
  return result_of(FlushFileBuffers(handle));
}

}  // namespace overlapped
