#include "ntdll.h"

// Must follow windows.h, which it does not include itself.
#include <winternl.h>

namespace overlapped {

namespace {

// Values from Microsoft's driver headers.
constexpr ULONG kFileAccessInformation = 8;
constexpr ULONG kFlushDataSyncOnly = 4;  // FLUSH_FLAGS_FILE_DATA_SYNC_ONLY
constexpr ULONG kSeverityShift = 30;
constexpr ULONG kSeverityError = 3;
constexpr NTSTATUS kAccessDenied = static_cast<NTSTATUS>(0xC0000022);

template <typename Call>
Call find_call(const char* name) {
  const HMODULE system = GetModuleHandleW(L"ntdll.dll");
  return system ? reinterpret_cast<Call>(reinterpret_cast<void*>(GetProcAddress(system, name)))
                : nullptr;
}

using LastStatus = NTSTATUS(NTAPI*)();
using QueryFile = NTSTATUS(NTAPI*)(HANDLE, IO_STATUS_BLOCK*, void*, ULONG, ULONG);
using FlushFile = NTSTATUS(NTAPI*)(HANDLE, ULONG, void*, ULONG, IO_STATUS_BLOCK*);
using ErrorOf = ULONG(NTAPI*)(NTSTATUS);

}  // namespace

bool is_accepted(uint32_t error) {
  if (error == ERROR_SUCCESS || error == ERROR_IO_PENDING) return true;
  static const auto last_status = find_call<LastStatus>("RtlGetLastNtStatus");
  static const auto error_of = find_call<ErrorOf>("RtlNtStatusToDosError");
  if (!last_status || !error_of) return error == ERROR_MORE_DATA;
  const NTSTATUS status = last_status();
  // An error that kernel32 generated itself leaves the status of an earlier call in place.
  if (error_of(status) != error) return error == ERROR_MORE_DATA;
  return static_cast<ULONG>(status) >> kSeverityShift != kSeverityError;
}

uint32_t granted_access(HANDLE handle) {
  static const auto query = find_call<QueryFile>("NtQueryInformationFile");
  ACCESS_MASK access = 0;
  IO_STATUS_BLOCK status{};
  if (!query || query(handle, &status, &access, sizeof access, kFileAccessInformation) < 0) {
    return ~uint32_t{0};
  }
  return access;
}

Result flush_data(HANDLE handle) {
  static const auto flush = find_call<FlushFile>("NtFlushBuffersFileEx");
  static const auto error_of = find_call<ErrorOf>("RtlNtStatusToDosError");
  if (flush && error_of) {
    IO_STATUS_BLOCK block{};
    const NTSTATUS status = flush(handle, kFlushDataSyncOnly, nullptr, 0, &block);
    if (status >= 0) return Result::success(0);
    if (status == kAccessDenied) return Result::failure(error_of(status));
  }
  return FlushFileBuffers(handle) ? Result::success(0) : Result::failure(GetLastError());
}

}  // namespace overlapped
