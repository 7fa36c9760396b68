#pragma once

#include "result.h"

// After windows.h, which it does not include itself.
#include <winternl.h>

#include <string>

// Functions of ntdll.dll. Only they reach a name through the handle of its directory, list a
// directory by its handle on every file system, and report what kernel32 has no function for. Also
// those of kernel32 that transfers call.
namespace overlapped {

struct NativeCalls {
  using CreateFile = NTSTATUS(NTAPI*)(HANDLE*, ACCESS_MASK, OBJECT_ATTRIBUTES*, IO_STATUS_BLOCK*,
                                      LARGE_INTEGER*, ULONG, ULONG, ULONG, ULONG, void*, ULONG);
  using QueryDirectory = NTSTATUS(NTAPI*)(HANDLE, HANDLE, void*, void*, IO_STATUS_BLOCK*, void*,
                                          ULONG, ULONG, BOOLEAN, UNICODE_STRING*, BOOLEAN);
  using QueryInformation = NTSTATUS(NTAPI*)(HANDLE, IO_STATUS_BLOCK*, void*, ULONG, ULONG);
  using SetInformation = NTSTATUS(NTAPI*)(HANDLE, IO_STATUS_BLOCK*, void*, ULONG, ULONG);
  using Flush = NTSTATUS(NTAPI*)(HANDLE, ULONG, void*, ULONG, IO_STATUS_BLOCK*);
  using ErrorOf = ULONG(NTAPI*)(NTSTATUS);
  using LastStatus = NTSTATUS(NTAPI*)();
  using Read = BOOL(WINAPI*)(HANDLE, void*, DWORD, DWORD*, OVERLAPPED*);
  using Write = BOOL(WINAPI*)(HANDLE, const void*, DWORD, DWORD*, OVERLAPPED*);

  CreateFile create_file = nullptr;
  QueryDirectory query_directory = nullptr;
  QueryInformation query_information = nullptr;
  QueryInformation query_volume = nullptr;
  SetInformation set_information = nullptr;
  Flush flush = nullptr;  // null before Windows 8
  ErrorOf error_of = nullptr;
  LastStatus last_status = nullptr;
  Read read = ReadFile;
  Write write = WriteFile;
};

// Tests replace single functions, to imitate a file system.
NativeCalls& native_calls();

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
  kNativeByFileId = 0x2000,
  kNativeBackup = 0x4000,
  kNativeReparsePointItself = 0x200000,
  kNativeNoRecall = 0x400000,
};
// FileBasicInformation and the like.
enum NativeClass : ULONG {
  kNativeBasicInformation = 4,
  kNativeIdInformation = 6,
  kNativeAccessInformation = 8,
  kNativeStreamInformation = 22,
  kNativeAttributeTagInformation = 35,
  kNativePriorityHintInformation = 43,
  kNativeVolumeSizeInformation = 3,
};

struct NativeOpen {
  ACCESS_MASK access = 0;
  ULONG attributes = 0;
  ULONG share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  NativeDisposition disposition = NativeDisposition::kOpen;
  ULONG options = kNativeSynchronous | kNativeBackup | kNativeReparsePointItself;
  bool inheritable = false;
  bool case_sensitive = false;
};

// Opens a name in a directory with NtCreateFile. The directory is the one that its handle has open,
// even if its path now leads through a link. An empty name opens the object of the handle again.
Result open_in(HANDLE directory, const std::wstring& name, const NativeOpen& wanted,
               HANDLE& opened);

// The kind of an open object.
struct ObjectKind {
  DWORD attributes = 0;
  DWORD reparse_tag = 0;  // 0 unless it is a reparse point

  bool is_directory() const { return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0; }
  bool is_reparse_point() const { return (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0; }
  // Whether it stands for another object, as symbolic links and junctions do.
  bool is_link() const { return is_reparse_point() && IsReparseTagNameSurrogate(reparse_tag); }
};

// Reads the kind of an open object. The tag is read of reparse points only, since FAT and exFAT
// report none of any file (STATUS_INVALID_PARAMETER).
Result read_kind(HANDLE handle, ObjectKind& kind);

}  // namespace overlapped
