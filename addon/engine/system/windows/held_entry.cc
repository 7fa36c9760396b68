#include "held_entry.h"

#include <cstddef>
#include <span>
#include <utility>

#include "pipe_path.h"
#include "record_list.h"

namespace overlapped {

namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
constexpr DWORD kToRemove = DELETE | FILE_READ_ATTRIBUTES | SYNCHRONIZE;
constexpr size_t kListSize = 64 * 1024;

constexpr ULONG kDirectoryInformation = 1;  // FileDirectoryInformation
constexpr NTSTATUS kNoMoreFiles = static_cast<NTSTATUS>(0x80000006);
constexpr NTSTATUS kNoSuchFile = static_cast<NTSTATUS>(0xC000000F);
// FileDispositionInfoEx and FILE_DISPOSITION_FLAG_*: POSIX deletion, also of read-only files.
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

// Retries with fewer rights, because not all may be granted and removal needs the fewest.
template <typename Open>
Result open_with_rights(bool to_list, Open open) {
  const DWORD list = to_list ? FILE_LIST_DIRECTORY : 0;
  const auto is_denied = [](const Result& result) {
    return result.os_error == ERROR_ACCESS_DENIED || result.os_error == ERROR_SHARING_VIOLATION;
  };
  Result opened = open(kToRemove | list | FILE_WRITE_ATTRIBUTES);
  if (is_denied(opened) && to_list) opened = open(kToRemove | list);
  return is_denied(opened) ? open(kToRemove) : opened;
}

bool has_several_names(HANDLE handle) {
  FILE_STANDARD_INFO standard{};
  return GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard) &&
         standard.NumberOfLinks > 1;
}

// Fails if the handle lacks the right for it; the removal then reports the error.
void set_attributes_of(HANDLE handle, DWORD attributes) {
  FILE_BASIC_INFO basic{};
  basic.FileAttributes = attributes != 0 ? attributes : DWORD{FILE_ATTRIBUTE_NORMAL};
  (void)SetFileInformationByHandle(handle, FileBasicInfo, &basic, sizeof basic);
}

}  // namespace

Result HeldEntry::open(const std::wstring& path, bool to_list) {
  const Result opened = open_with_rights(to_list, [&](DWORD access) {
    const HANDLE handle =
        CreateFileW(path.c_str(), access, kShareAll, nullptr, OPEN_EXISTING,
                    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT |
                        impersonation_flags(path),
                    nullptr);
    if (handle == INVALID_HANDLE_VALUE) return last_error();
    handle_.reset(handle);
    return Result::success(0);
  });
  return opened.ok() ? read_kind(handle_.get(), kind_) : opened;
}

Result HeldEntry::open_in(HANDLE folder, const std::wstring& name, bool to_list) {
  const Result opened = open_with_rights(to_list, [&](DWORD access) {
    NativeOpen wanted;
    wanted.access = access;
    HANDLE handle = nullptr;
    const Result result = overlapped::open_in(folder, name, wanted, handle);
    if (result.ok()) handle_.reset(handle);
    return result;
  });
  return opened.ok() ? read_kind(handle_.get(), kind_) : opened;
}

Result HeldEntry::list(std::vector<FolderEntry>& entries) const {
  return list_directory(handle_.get(), entries);
}

Result list_directory(HANDLE directory, std::vector<FolderEntry>& entries) {
  std::vector<LARGE_INTEGER> memory(kListSize / sizeof(LARGE_INTEGER));
  for (BOOLEAN restart = TRUE;; restart = FALSE) {
    IO_STATUS_BLOCK block{};
    const NTSTATUS status = native_calls().query_directory(
        directory, nullptr, nullptr, nullptr, &block, memory.data(),
        static_cast<ULONG>(kListSize), kDirectoryInformation, FALSE, nullptr, restart);
    // The root of an empty drive lacks even the two dots.
    if (status == kNoMoreFiles || (restart && status == kNoSuchFile)) return Result::success(0);
    if (status < 0) return result_of_status(status);
    const auto add = [&](const DirectoryInformation& entry, std::wstring name) {
      if (name != L"." && name != L"..") entries.push_back({std::move(name), entry.attributes});
    };
    const auto list = std::as_bytes(std::span(memory)).first(block.Information);
    const Result read = for_each_record<DirectoryInformation>(list, add);
    if (!read.ok()) return read;
  }
}

Result HeldEntry::remove() const {
  // Node's rm() removes read-only files and folders too.
  constexpr DWORD kReadOnly = FILE_ATTRIBUTE_READONLY;
  const bool read_only = (kind_.attributes & kReadOnly) != 0;
  ULONG flags = kDisposeAtOnce | (read_only ? kDisposeReadOnly : 0);
  const Result removed = result_of(
      SetFileInformationByHandle(handle_.get(), kDispositionInfoEx, &flags, sizeof flags));
  if (!is_unsupported(removed.os_error)) return removed;
  const bool is_kept = has_several_names(handle_.get());
  if (read_only) set_attributes_of(handle_.get(), kind_.attributes & ~kReadOnly);
  FILE_DISPOSITION_INFO disposition{};
  disposition.DeleteFile = TRUE;
  const Result last = result_of(SetFileInformationByHandle(
      handle_.get(), FileDispositionInfo, &disposition, sizeof disposition));
  // The attribute also belongs to the other names of a file.
  if (read_only && (!last.ok() || is_kept)) set_attributes_of(handle_.get(), kind_.attributes);
  return last;
}

}  // namespace overlapped
