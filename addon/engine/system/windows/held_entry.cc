#include "held_entry.h"

// After windows.h, which it does not include itself.
#include <winternl.h>

#include <cstddef>
#include <cstring>
#include <utility>

namespace overlapped {

namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
constexpr DWORD kToRemove = DELETE | FILE_READ_ATTRIBUTES | SYNCHRONIZE;
constexpr size_t kListSize = 64 * 1024;

// From Microsoft's headers for drivers.
constexpr ULONG kOpenExisting = 1;               // FILE_OPEN
constexpr ULONG kSynchronous = 0x20;             // FILE_SYNCHRONOUS_IO_NONALERT
constexpr ULONG kBackup = 0x4000;                // FILE_OPEN_FOR_BACKUP_INTENT
constexpr ULONG kReparsePointItself = 0x200000;  // FILE_OPEN_REPARSE_POINT
constexpr ULONG kDoNotReparse = 0x1000;          // OBJ_DONT_REPARSE
constexpr ULONG kCaseInsensitive = 0x40;         // OBJ_CASE_INSENSITIVE
constexpr ULONG kDirectoryInformation = 1;       // FileDirectoryInformation
constexpr NTSTATUS kInvalidParameter = static_cast<NTSTATUS>(0xC000000D);
constexpr NTSTATUS kNoMoreFiles = static_cast<NTSTATUS>(0x80000006);
constexpr NTSTATUS kNoSuchFile = static_cast<NTSTATUS>(0xC000000F);
// FileDispositionInfoEx and FILE_DISPOSITION_FLAG_*: delete, as POSIX does, also what is read-only.
constexpr auto kDispositionInfoEx = static_cast<FILE_INFO_BY_HANDLE_CLASS>(21);
constexpr ULONG kDisposeAtOnce = 0x1 | 0x2;
constexpr ULONG kDisposeReadOnly = 0x10;

struct DirectoryInformation {
  ULONG next_offset;
  ULONG index;
  LARGE_INTEGER times[4];
  LARGE_INTEGER size;
  LARGE_INTEGER allocated;
  ULONG attributes;
  ULONG name_bytes;
  WCHAR name[1];
};

// Only they open a file from the handle of its folder, and list a folder by its handle whatever its
// file system is.
struct NativeCalls {
  using CreateFile = NTSTATUS(NTAPI*)(HANDLE*, ACCESS_MASK, OBJECT_ATTRIBUTES*, IO_STATUS_BLOCK*,
                                      LARGE_INTEGER*, ULONG, ULONG, ULONG, ULONG, void*, ULONG);
  using QueryDirectory = NTSTATUS(NTAPI*)(HANDLE, HANDLE, void*, void*, IO_STATUS_BLOCK*, void*,
                                          ULONG, ULONG, BOOLEAN, UNICODE_STRING*, BOOLEAN);
  using ErrorOf = ULONG(NTAPI*)(NTSTATUS);

  CreateFile create_file = nullptr;
  QueryDirectory query_directory = nullptr;
  ErrorOf error_of = nullptr;
};

template <typename Call>
Call find_call(HMODULE system, const char* name) {
  return reinterpret_cast<Call>(reinterpret_cast<void*>(GetProcAddress(system, name)));
}

const NativeCalls& native_calls() {
  static const NativeCalls calls = [] {
    const HMODULE system = GetModuleHandleW(L"ntdll.dll");
    return NativeCalls{
        find_call<NativeCalls::CreateFile>(system, "NtCreateFile"),
        find_call<NativeCalls::QueryDirectory>(system, "NtQueryDirectoryFile"),
        find_call<NativeCalls::ErrorOf>(system, "RtlNtStatusToDosError"),
    };
  }();
  return calls;
}

Result result_of(BOOL done) { return done ? Result::success(0) : Result::failure(GetLastError()); }

Result result_of_status(NTSTATUS status) {
  return status >= 0 ? Result::success(0) : Result::failure(native_calls().error_of(status));
}

NTSTATUS open_from(HANDLE folder, const std::wstring& name, DWORD access, ULONG attributes,
                   HANDLE& opened) {
  UNICODE_STRING text{};
  text.Buffer = const_cast<WCHAR*>(name.data());
  text.Length = text.MaximumLength = static_cast<USHORT>(name.size() * sizeof(WCHAR));
  OBJECT_ATTRIBUTES object{};
  object.Length = sizeof object;
  object.RootDirectory = folder;
  object.ObjectName = &text;
  object.Attributes = attributes;
  IO_STATUS_BLOCK status{};
  return native_calls().create_file(&opened, access, &object, &status, nullptr, 0, kShareAll,
                                    kOpenExisting, kSynchronous | kBackup | kReparsePointItself,
                                    nullptr, 0);
}

// Not every right may be given, and removing needs the fewest.
template <typename Open>
Result open_with_rights(bool to_list, Open open) {
  const DWORD more = to_list ? FILE_LIST_DIRECTORY : FILE_WRITE_ATTRIBUTES;
  const Result opened = open(kToRemove | more);
  const bool denied =
      opened.os_error == ERROR_ACCESS_DENIED || opened.os_error == ERROR_SHARING_VIOLATION;
  return denied ? open(kToRemove) : opened;
}

// What is not there before Windows 10, nor on every file system.
bool is_unknown(DWORD error) {
  return error == ERROR_INVALID_PARAMETER || error == ERROR_INVALID_FUNCTION ||
         error == ERROR_NOT_SUPPORTED || error == ERROR_CALL_NOT_IMPLEMENTED;
}

// Fails where the handle lacks the right for it; then removing will say so.
void make_writable(HANDLE handle, DWORD attributes) {
  FILE_BASIC_INFO basic{};
  basic.FileAttributes = attributes & ~static_cast<DWORD>(FILE_ATTRIBUTE_READONLY);
  if (basic.FileAttributes == 0) basic.FileAttributes = FILE_ATTRIBUTE_NORMAL;
  (void)SetFileInformationByHandle(handle, FileBasicInfo, &basic, sizeof basic);
}

void add_entries(const std::byte* data, std::vector<FolderEntry>& entries) {
  for (;;) {
    DirectoryInformation entry;
    constexpr size_t kNameOffset = offsetof(DirectoryInformation, name);
    std::memcpy(&entry, data, kNameOffset);
    std::wstring name(entry.name_bytes / sizeof(WCHAR), L'\0');
    std::memcpy(name.data(), data + kNameOffset, name.size() * sizeof(WCHAR));
    if (name != L"." && name != L"..") entries.push_back({std::move(name), entry.attributes});
    if (entry.next_offset == 0) return;
    data += entry.next_offset;
  }
}

}  // namespace

Result HeldEntry::open(const std::wstring& path, bool to_list) {
  const Result opened = open_with_rights(to_list, [&](DWORD access) {
    const HANDLE handle =
        CreateFileW(path.c_str(), access, kShareAll, nullptr, OPEN_EXISTING,
                    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
    if (handle == INVALID_HANDLE_VALUE) return Result::failure(GetLastError());
    handle_.reset(handle);
    return Result::success(0);
  });
  return opened.ok() ? look() : opened;
}

Result HeldEntry::open_in(const HeldEntry& folder, const std::wstring& name, bool to_list) {
  const Result opened = open_with_rights(to_list, [&](DWORD access) {
    HANDLE handle = nullptr;
    NTSTATUS status =
        open_from(folder.handle_.get(), name, access, kCaseInsensitive | kDoNotReparse, handle);
    // Windows before 10 does not know that the folder itself may have become a link meanwhile.
    if (status == kInvalidParameter) {
      status = open_from(folder.handle_.get(), name, access, kCaseInsensitive, handle);
    }
    if (status >= 0) handle_.reset(handle);
    return result_of_status(status);
  });
  return opened.ok() ? look() : opened;
}

Result HeldEntry::look() {
  FILE_ATTRIBUTE_TAG_INFO info{};
  const Result looked = result_of(
      GetFileInformationByHandleEx(handle_.get(), FileAttributeTagInfo, &info, sizeof info));
  attributes_ = info.FileAttributes;
  reparse_tag_ = info.ReparseTag;
  return looked;
}

bool HeldEntry::is_folder() const {
  if (!(attributes_ & FILE_ATTRIBUTE_DIRECTORY)) return false;
  return !(attributes_ & FILE_ATTRIBUTE_REPARSE_POINT) || !IsReparseTagNameSurrogate(reparse_tag_);
}

Result HeldEntry::list(std::vector<FolderEntry>& entries) const {
  std::vector<LARGE_INTEGER> memory(kListSize / sizeof(LARGE_INTEGER));
  for (BOOLEAN restart = TRUE;; restart = FALSE) {
    IO_STATUS_BLOCK block{};
    const NTSTATUS status = native_calls().query_directory(
        handle_.get(), nullptr, nullptr, nullptr, &block, memory.data(),
        static_cast<ULONG>(kListSize), kDirectoryInformation, FALSE, nullptr, restart);
    // The root of an empty drive has not even the two dots.
    if (status == kNoMoreFiles || (restart && status == kNoSuchFile)) return Result::success(0);
    if (status < 0) return result_of_status(status);
    add_entries(reinterpret_cast<const std::byte*>(memory.data()), entries);
  }
}

Result HeldEntry::remove() const {
  // Node removes read-only files too.
  const bool read_only = (attributes_ & FILE_ATTRIBUTE_READONLY) && !is_folder();
  ULONG flags = kDisposeAtOnce | (read_only ? kDisposeReadOnly : 0);
  const Result removed = result_of(
      SetFileInformationByHandle(handle_.get(), kDispositionInfoEx, &flags, sizeof flags));
  if (removed.ok() || !is_unknown(removed.os_error)) return removed;
  if (read_only) make_writable(handle_.get(), attributes_);
  FILE_DISPOSITION_INFO disposition{};
  disposition.DeleteFile = TRUE;
  return result_of(SetFileInformationByHandle(handle_.get(), FileDispositionInfo, &disposition,
                                              sizeof disposition));
}

}  // namespace overlapped
