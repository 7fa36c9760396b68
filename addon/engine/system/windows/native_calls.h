#pragma once

#include "result.h"

// After windows.h, which it does not include itself.
#include <winternl.h>

#include <string>

// The calls of ntdll.dll that reach a name through the handle of its directory. No other calls do,
// and no others list a directory by its handle on every file system.
namespace overlapped {

struct NativeCalls {
  using CreateFile = NTSTATUS(NTAPI*)(HANDLE*, ACCESS_MASK, OBJECT_ATTRIBUTES*, IO_STATUS_BLOCK*,
                                      LARGE_INTEGER*, ULONG, ULONG, ULONG, ULONG, void*, ULONG);
  using QueryDirectory = NTSTATUS(NTAPI*)(HANDLE, HANDLE, void*, void*, IO_STATUS_BLOCK*, void*,
                                          ULONG, ULONG, BOOLEAN, UNICODE_STRING*, BOOLEAN);
  using SetInformation = NTSTATUS(NTAPI*)(HANDLE, IO_STATUS_BLOCK*, void*, ULONG, ULONG);
  using ErrorOf = ULONG(NTAPI*)(NTSTATUS);

  CreateFile create_file = nullptr;
  QueryDirectory query_directory = nullptr;
  SetInformation set_information = nullptr;
  ErrorOf error_of = nullptr;
};

const NativeCalls& native_calls();

Result result_of_status(NTSTATUS status);

// From Microsoft's headers for drivers: FILE_OPEN and the like.
enum class NativeDisposition : ULONG { kOpen = 1, kCreate = 2, kOpenIf = 3 };
// FILE_DIRECTORY_FILE and the like.
enum NativeOption : ULONG {
  kNativeDirectory = 0x1,
  kNativeWriteThrough = 0x2,
  kNativeSequential = 0x4,
  kNativeUnbuffered = 0x8,
  kNativeSynchronous = 0x20,
  kNativeNotDirectory = 0x40,
  kNativeRandom = 0x800,
  kNativeDeleteOnClose = 0x1000,
  kNativeBackup = 0x4000,
  kNativeReparsePointItself = 0x200000,
  kNativeNoRecall = 0x400000,
};

struct NativeOpen {
  ACCESS_MASK access = 0;
  ULONG attributes = 0;
  ULONG share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  NativeDisposition disposition = NativeDisposition::kOpen;
  ULONG options = kNativeSynchronous | kNativeBackup | kNativeReparsePointItself;
  bool inheritable = false;
};

// Opens a name in a directory with NtCreateFile. The directory is the one that its handle has open,
// even if its path now leads through a link.
Result open_in(HANDLE directory, const std::wstring& name, const NativeOpen& wanted,
               HANDLE& opened);

}  // namespace overlapped
