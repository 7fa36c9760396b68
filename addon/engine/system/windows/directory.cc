#include "system/directory.h"

// Must follow windows.h, which it does not include itself.
#include <winioctl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "file_status.h"
#include "held_entry.h"
#include "names.h"
#include "privileges.h"
#include "reparse_data.h"
#include "system/entry_statuses.h"
#include "system/tree.h"
#include "wide_text.h"
#include "windows_io.h"

namespace overlapped {

namespace {

constexpr uint32_t kOwnerWrite = 0200;

const std::wstring& name_of(const Operation& op) { return op.detail->open.path; }

Result status_in(HANDLE directory, const std::wstring& name, FileStatus& status) {
  UniqueHandle handle;
  const Result opened = open_name(directory, name, FILE_READ_ATTRIBUTES, handle);
  return opened.ok() ? status_of_entry(handle.get(), status) : opened;
}

Result stat_name(Operation& op) {
  if (name_of(op).empty()) return status_of_entry(op.file->handle(), op.detail->status);
  return status_in(op.file->handle(), name_of(op), op.detail->status);
}

// As in libuv: junctions count as links too, other reparse points do not.
EntryType type_of(HANDLE directory, const FolderEntry& entry) {
  if (entry.attributes & FILE_ATTRIBUTE_REPARSE_POINT) {
    FileStatus status;
    if (!status_in(directory, entry.name, status).ok()) return EntryType::kUnknown;
    constexpr uint64_t kTypeMask = 0xF000;
    constexpr uint64_t kLinkType = 0xA000;
    if ((status.mode & kTypeMask) == kLinkType) return EntryType::kLink;
  }
  if (entry.attributes & FILE_ATTRIBUTE_DIRECTORY) return EntryType::kDirectory;
  return entry.attributes & FILE_ATTRIBUTE_DEVICE ? EntryType::kCharacterDevice : EntryType::kFile;
}

// Lists through a new handle, so that concurrent lists do not take entries from each other.
Result list_again(const Operation& op, UniqueHandle& again, std::vector<FolderEntry>& found) {
  const Result opened =
      open_name(op.file->handle(), L"", FILE_LIST_DIRECTORY, again, kNativeDirectory);
  return opened.ok() ? list_directory(again.get(), found) : opened;
}

Result list(Operation& op) {
  UniqueHandle again;
  std::vector<FolderEntry> found;
  const Result listed = list_again(op, again, found);
  if (!listed.ok()) return listed;
  std::vector<TreeEntry> entries;
  for (const FolderEntry& entry : found) {
    entries.push_back({entry.name, type_of(again.get(), entry), entry.attributes});
  }
  return give_entries(op, entries);
}

Result look_at(const Operation& op, const char* name, FileStatus& status, std::string& targets) {
  UniqueHandle handle;
  const Result opened =
      open_name(op.file->handle(), from_wtf8(name), FILE_READ_ATTRIBUTES, handle);
  if (!opened.ok()) return opened;
  const Result found = status_of_entry(handle.get(), status);
  std::wstring target;
  if (found.ok() && link_target(handle.get(), target).ok()) targets += to_utf8(target);
  return found;
}

Result list_statuses(Operation& op) {
  UniqueHandle again;
  std::vector<FolderEntry> found;
  const Result listed = list_again(op, again, found);
  if (!listed.ok()) return listed;
  EntryStatuses statuses;
  for (const FolderEntry& entry : found) statuses.add(to_utf8(entry.name));
  return statuses.give(op, &look_at);
}

Result give_content(Operation& op, std::string_view first, std::string_view second = {}) {
  op.detail->content = std::make_unique_for_overwrite<std::byte[]>(first.size() + second.size());
  auto* const to = reinterpret_cast<char*>(op.detail->content.get());
  std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), to));
  return Result::success(static_cast<int64_t>(first.size() + second.size()));
}

Result make_directory(Operation& op) {
  NativeOpen wanted;
  wanted.access = FILE_LIST_DIRECTORY | SYNCHRONIZE;
  wanted.disposition = NativeDisposition::kCreate;
  wanted.options |= kNativeDirectory;
  HANDLE opened = nullptr;
  const Result made = open_in(op.file->handle(), name_of(op), wanted, opened);
  if (made.ok()) CloseHandle(opened);
  return made;
}

// Somebody may have given the name to another entry since the caller examined it. File systems
// without FileIdInfo, such as FAT, may give an entry another number.
Result check_numbers(const Operation& op, HANDLE entry) {
  FILE_ID_INFO id{};
  if (is_any_number(op.file_offset) ||
      !GetFileInformationByHandleEx(entry, FileIdInfo, &id, sizeof id)) {
    return Result::success(0);
  }
  FileStatus found;
  const Result looked = status_of_entry(entry, found);
  if (!looked.ok()) return looked;
  const bool is_same = found.ino == static_cast<uint64_t>(op.file_offset) &&
                       found.dev == static_cast<uint64_t>(op.length);
  return is_same ? Result::success(0) : Result::failure(ERROR_FILE_INVALID);
}

Result unlink_name(Operation& op) {
  const bool is_directory = (op.flags & kUnlinkDirectory) != 0;
  HeldEntry entry;
  const Result opened = entry.open_in(op.file->handle(), name_of(op), false);
  if (!opened.ok()) return opened;
  // As in libuv: unlink() also removes links to directories, and rmdir() removes only directories.
  if (is_directory && !entry.has_folder_attribute()) return Result::failure(ERROR_DIRECTORY);
  if (!is_directory && entry.is_folder()) return Result::failure(ERROR_ACCESS_DENIED);
  const Result checked = check_numbers(op, entry.handle());
  return checked.ok() ? entry.remove() : checked;
}

Result rename_name(Operation& op) {
  UniqueHandle file;
  const Result opened = open_name(op.source->handle(), name_of(op), DELETE, file);
  if (!opened.ok()) return opened;
  const bool replaces = (op.flags & kRenameExclusively) == 0;
  return rename_file(file.get(), op.file->handle(), op.detail->second_path, replaces);
}

Result link_name(Operation& op) {
  UniqueHandle file;
  const Result opened = open_name(op.source->handle(), name_of(op), FILE_WRITE_ATTRIBUTES, file);
  return opened.ok() ? link_file(file.get(), op.file->handle(), op.detail->second_path) : opened;
}

Result make_link(Operation& op) {
  const auto kind = static_cast<LinkKind>(op.flags);
  // As CreateSymbolicLinkW does. Administrators have this privilege, but it is not enabled; where
  // everybody may make links (Developer Mode), the call succeeds without it.
  constexpr std::array<const wchar_t*, 1> kNames{L"SeCreateSymbolicLinkPrivilege"};
  const std::span<const wchar_t* const> names(kNames);
  const ThreadPrivileges privileges(names.first(kind == LinkKind::kJunction ? 0 : 1));
  NativeOpen wanted;
  wanted.access = FILE_WRITE_ATTRIBUTES | FILE_WRITE_DATA | DELETE | SYNCHRONIZE;
  wanted.disposition = NativeDisposition::kCreate;
  wanted.options |= kind == LinkKind::kFile ? kNativeNotDirectory : kNativeDirectory;
  HANDLE opened = nullptr;
  const Result made = open_in(op.file->handle(), name_of(op), wanted, opened);
  if (!made.ok()) return made;
  const UniqueHandle link(opened);
  std::string data = make_link_data(kind, op.detail->second_path);
  const Result set = control_device(link.get(), FSCTL_SET_REPARSE_POINT,
                                    {data.data(), static_cast<DWORD>(data.size())}, {});
  if (set.ok()) return Result::success(0);
  FILE_DISPOSITION_INFO disposition{};
  disposition.DeleteFile = TRUE;
  (void)SetFileInformationByHandle(link.get(), FileDispositionInfo, &disposition,
                                   sizeof disposition);
  return set;
}

Result read_link(Operation& op) {
  UniqueHandle link;
  const Result opened = open_name(op.file->handle(), name_of(op), FILE_READ_ATTRIBUTES, link);
  if (!opened.ok()) return opened;
  std::wstring target;
  const Result read = link_target(link.get(), target);
  if (read.ok()) return give_content(op, to_utf8(target));
  ObjectKind kind;
  const bool no_link = read_kind(link.get(), kind).ok() && !kind.is_reparse_point();
  return no_link ? Result::failure(read.os_error, ErrorMeaning::kInvalidArgument) : read;
}

// Windows has times from 1601 on. 0 and negative numbers do not stand for times in FILE_BASIC_INFO:
// they leave the time of the file unchanged, among other things.
bool set_ticks(LARGE_INTEGER& time, int64_t seconds, int64_t nanoseconds) {
  constexpr int64_t kSecondsMax =
      (std::numeric_limits<int64_t>::max() - kEpochTicks) / kTicksPerSecond - 1;
  if (seconds < -kEpochTicks / kTicksPerSecond || seconds > kSecondsMax) return false;
  time.QuadPart = kEpochTicks + seconds * kTicksPerSecond + nanoseconds / kNanosecondsPerTick;
  return time.QuadPart > 0;
}

Result set_basic(Operation& op, const FILE_BASIC_INFO& basic) {
  UniqueHandle file;
  const Result opened = open_name(op.file->handle(), name_of(op), FILE_WRITE_ATTRIBUTES, file);
  if (!opened.ok()) return opened;
  FILE_BASIC_INFO wanted = basic;
  return result_of(SetFileInformationByHandle(file.get(), FileBasicInfo, &wanted, sizeof wanted));
}

Result set_times(Operation& op) {
  if (op.length != sizeof(NewTimes)) return Result::failure(ERROR_INVALID_PARAMETER);
  NewTimes wanted;
  std::memcpy(&wanted, op.data, sizeof wanted);
  FILE_BASIC_INFO basic{};
  if (!set_ticks(basic.LastAccessTime, wanted.access_seconds, wanted.access_nanoseconds) ||
      !set_ticks(basic.LastWriteTime, wanted.modification_seconds,
                 wanted.modification_nanoseconds)) {
    return Result::failure(ERROR_INVALID_PARAMETER);
  }
  return set_basic(op, basic);
}

// The only part of a mode is whether the file is read-only (chmod() of libuv).
Result set_mode(Operation& op) {
  UniqueHandle file;
  const Result opened = open_name(op.file->handle(), name_of(op), FILE_READ_ATTRIBUTES, file);
  if (!opened.ok()) return opened;
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(file.get(), FileBasicInfo, &basic, sizeof basic)) {
    return last_error();
  }
  constexpr DWORD kReadOnly = FILE_ATTRIBUTE_READONLY;
  FILE_BASIC_INFO wanted{};
  wanted.FileAttributes = op.flags & kOwnerWrite ? basic.FileAttributes & ~kReadOnly
                                                 : basic.FileAttributes | kReadOnly;
  if (wanted.FileAttributes == 0) wanted.FileAttributes = FILE_ATTRIBUTE_NORMAL;
  return set_basic(op, wanted);
}

}  // namespace

Result run_in_directory(Operation& op) {
  switch (op.opcode) {
    case Opcode::kStatIn:
      return stat_name(op);
    case Opcode::kListIn:
      return list(op);
    case Opcode::kListStatusesIn:
      return list_statuses(op);
    case Opcode::kMakeDirectoryIn:
      return make_directory(op);
    case Opcode::kUnlinkIn:
      return unlink_name(op);
    case Opcode::kRenameIn:
      return rename_name(op);
    case Opcode::kLinkIn:
      return link_name(op);
    case Opcode::kSymlinkIn:
      return make_link(op);
    case Opcode::kReadLinkIn:
      return read_link(op);
    case Opcode::kSetTimesIn:
      return set_times(op);
    case Opcode::kSetModeIn:
      return set_mode(op);
    default:
      // Windows has no owners and devices in the sense of POSIX (kSetOwnerIn, kMknodIn); lib/
      // does not request this.
      return Result::failure(ERROR_CALL_NOT_IMPLEMENTED);
  }
}

}  // namespace overlapped
