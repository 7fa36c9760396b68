#include "file_status.h"

#include <winioctl.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "disk_facts.h"
#include "file_number.h"
#include "pipe_path.h"
#include "reparse_data.h"
#include "wide_text.h"
#include "windows_io.h"

// The values of Node's stat() on Windows, which libuv derives from the attributes of a file.
namespace overlapped {

namespace {

constexpr uint64_t kModePipe = 0x1000;
constexpr uint64_t kModeCharacter = 0x2000;
constexpr uint64_t kModeDirectory = 0x4000;
constexpr uint64_t kModeBlock = 0x6000;
constexpr uint64_t kModeRegular = 0x8000;
constexpr uint64_t kModeLink = 0xA000;
constexpr uint64_t kReadByAll = 0444;
constexpr uint64_t kWriteByAll = 0222;
constexpr uint64_t kBlockSize = 4096;
constexpr uint64_t kStatBlockSize = 512;

void set_time(FileStatus& status, size_t index, const LARGE_INTEGER& time) {
  const int64_t ticks = time.QuadPart - kEpochTicks;
  int64_t seconds = ticks / kTicksPerSecond;
  int64_t rest = ticks % kTicksPerSecond;
  if (rest < 0) {
    rest += kTicksPerSecond;
    --seconds;
  }
  status.seconds[index] = seconds;
  status.nanoseconds[index] = rest * kNanosecondsPerTick;
}

constexpr size_t kReparseSizeMax = 16 * 1024;

}  // namespace

Result link_target(HANDLE handle, std::wstring& target) {
  std::array<std::byte, kReparseSizeMax> data;
  const Result queried =
      query_device(handle, FSCTL_GET_REPARSE_POINT, data.data(), static_cast<DWORD>(data.size()));
  if (!queried.ok()) return queried;
  return parse_link(std::span(data).first(static_cast<size_t>(queried.value)), target);
}

namespace {

// The size of a link is the length of its target in UTF-8.
Result link_size(HANDLE handle) {
  std::wstring target;
  const Result read = link_target(handle, target);
  if (!read.ok() || target.empty()) return read;
  return Result::success(static_cast<int64_t>(to_wtf8(target).size()));
}

void set_kind(FileStatus& status, const FILE_STANDARD_INFO& standard) {
  if (standard.Directory) {
    status.mode = kModeDirectory;
    status.size = 0;
  } else {
    status.mode = kModeRegular;
    status.size = static_cast<uint64_t>(standard.EndOfFile.QuadPart);
  }
}

uint64_t mode_of_attributes(DWORD attributes) {
  return attributes & FILE_ATTRIBUTE_READONLY ? kReadByAll : kReadByAll | kWriteByAll;
}

Result disk_status(HANDLE handle, bool of_link, FileStatus& status) {
  BY_HANDLE_FILE_INFORMATION identity{};
  FILE_BASIC_INFO basic{};
  FILE_STANDARD_INFO standard{};
  if (!GetFileInformationByHandle(handle, &identity) ||
      !GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic) ||
      !GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard)) {
    return last_error();
  }
  set_kind(status, standard);
  if (of_link && (basic.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
    const Result size = link_size(handle);
    if (!size.ok()) return size;
    status.mode = kModeLink;
    status.size = static_cast<uint64_t>(size.value);
  }
  status.mode |= mode_of_attributes(basic.FileAttributes);
  status.dev = identity.dwVolumeSerialNumber;
  status.ino = file_number(handle, identity);
  status.nlink = standard.NumberOfLinks;
  status.blksize = kBlockSize;
  status.blocks = static_cast<uint64_t>(standard.AllocationSize.QuadPart) / kStatBlockSize;
  set_time(status, 0, basic.LastAccessTime);
  set_time(status, 1, basic.LastWriteTime);
  set_time(status, 2, basic.ChangeTime);
  set_time(status, 3, basic.CreationTime);
  return Result::success(0);
}

// Windows reports only the type of a device or a pipe.
Result device_status(HANDLE handle, DWORD type, FileStatus& status) {
  DWORD console_mode = 0;
  DWORD device = FILE_DEVICE_NAMED_PIPE;
  status.mode = kModePipe;
  if (type == FILE_TYPE_CHAR) {
    const bool console = GetConsoleMode(handle, &console_mode) != 0;
    device = console ? FILE_DEVICE_CONSOLE : FILE_DEVICE_NULL;
    status.mode = console ? kModeCharacter : kModeCharacter | kReadByAll | kWriteByAll;
    if (!console) status.blksize = kBlockSize;
  }
  status.nlink = 1;
  status.rdev = static_cast<uint64_t>(device) << 16;
  return Result::success(0);
}

// A volume or a drive has neither attributes nor times.
Result drive_status(FileStatus& status) {
  status.mode = kModeBlock | kReadByAll | kWriteByAll;
  status.nlink = 1;
  status.blksize = kBlockSize;
  status.rdev = uint64_t{FILE_DEVICE_DISK} << 16;
  return Result::success(0);
}

Result handle_status(HANDLE handle, bool of_link, FileStatus& status) {
  status = FileStatus{};
  const DWORD type = GetFileType(handle);
  if (type == FILE_TYPE_CHAR || type == FILE_TYPE_PIPE) return device_status(handle, type, status);
  const Result result = type == FILE_TYPE_DISK ? disk_status(handle, of_link, status)
                                               : Result::failure(ERROR_INVALID_HANDLE);
  const bool is_drive = !result.ok() && device_type_of(handle) == DeviceType::kBlock;
  return is_drive ? drive_status(status) : result;
}

LARGE_INTEGER ticks_of(const FILETIME& time) {
  LARGE_INTEGER ticks{};
  ticks.LowPart = time.dwLowDateTime;
  ticks.HighPart = static_cast<LONG>(time.dwHighDateTime);
  return ticks;
}

}  // namespace

Result listed_status(const PathString& path, FileStatus& status) {
  WIN32_FIND_DATAW found{};
  const HANDLE find = FindFirstFileExW(path.c_str(), FindExInfoBasic, &found,
                                       FindExSearchNameMatch, nullptr, 0);
  if (find == INVALID_HANDLE_VALUE) return last_error();
  FindClose(find);
  // The list describes the reparse point itself, not its target.
  if (found.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) {
    return Result::failure(ERROR_ACCESS_DENIED);
  }
  status = FileStatus{};
  FILE_STANDARD_INFO standard{};
  standard.Directory = (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  standard.EndOfFile.LowPart = found.nFileSizeLow;
  standard.EndOfFile.HighPart = static_cast<LONG>(found.nFileSizeHigh);
  set_kind(status, standard);
  status.mode |= mode_of_attributes(found.dwFileAttributes);
  status.nlink = 1;
  status.blksize = kBlockSize;
  status.blocks = (status.size + kStatBlockSize - 1) / kStatBlockSize;
  set_time(status, 0, ticks_of(found.ftLastAccessTime));
  set_time(status, 1, ticks_of(found.ftLastWriteTime));
  set_time(status, 2, ticks_of(found.ftLastWriteTime));
  set_time(status, 3, ticks_of(found.ftCreationTime));
  return Result::success(0);
}

namespace {

Result path_status(const PathString& path, bool of_link, FileStatus& status) {
  const DWORD flags = FILE_FLAG_BACKUP_SEMANTICS | (of_link ? FILE_FLAG_OPEN_REPARSE_POINT : 0) |
                      impersonation_flags(path);
  const UniqueHandle handle(CreateFileW(path.c_str(), FILE_READ_ATTRIBUTES,
                                        FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                        nullptr, OPEN_EXISTING, flags, nullptr));
  if (!handle.valid()) {
    const DWORD error = GetLastError();
    const bool is_refused = error == ERROR_SHARING_VIOLATION || error == ERROR_ACCESS_DENIED;
    const bool is_listed = is_refused && listed_status(path, status).ok();
    return is_listed ? Result::success(0) : Result::failure(error);
  }
  const Result result = handle_status(handle.get(), of_link, status);
  // A reparse point that is not a link stands for the file behind it.
  const bool no_link = result.os_error == ERROR_SYMLINK_NOT_SUPPORTED ||
                       result.os_error == ERROR_NOT_A_REPARSE_POINT;
  return of_link && no_link ? path_status(path, false, status) : result;
}

}  // namespace

Result status_of_entry(HANDLE handle, FileStatus& status) {
  const Result result = handle_status(handle, true, status);
  // A reparse point that is not a link has the status of a file.
  const bool no_link = result.os_error == ERROR_SYMLINK_NOT_SUPPORTED ||
                       result.os_error == ERROR_NOT_A_REPARSE_POINT;
  return no_link ? handle_status(handle, false, status) : result;
}

Result read_file_status(Operation& op) {
  FileStatus& status = op.details().status;
  if (op.opcode == Opcode::kStat) return handle_status(op.file->handle(), false, status);
  return path_status(op.detail->open.path, op.opcode == Opcode::kLstatPath, status);
}

}  // namespace overlapped
