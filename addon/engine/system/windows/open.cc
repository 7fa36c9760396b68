#include "open.h"

// After windows.h, which it does not include itself.
#include <winioctl.h>

#include <algorithm>
#include <cwchar>
#include <string_view>
#include <utility>
#include <vector>

#include "native_calls.h"
#include "windows_io.h"
#include "system/blocking.h"
#include "privileges.h"

namespace overlapped {

namespace {

// Node's fs.constants on Windows (UV_FS_O_* in libuv's uv/win.h).
constexpr int32_t kWriteOnly = 0x1;
constexpr int32_t kReadWrite = 0x2;
constexpr int32_t kAccessMask = 0x3;
constexpr int32_t kAppend = 0x8;
constexpr int32_t kRandom = 0x10;
constexpr int32_t kSequential = 0x20;
constexpr int32_t kTemporary = 0x40;
constexpr int32_t kCreate = 0x100;
constexpr int32_t kTruncate = 0x200;
constexpr int32_t kExclusive = 0x400;
constexpr int32_t kShortLived = 0x1000;
constexpr int32_t kDirect = 0x02000000;
constexpr int32_t kDataSync = 0x04000000;
constexpr int32_t kFullSync = 0x08000000;
constexpr int32_t kExclusiveLock = 0x10000000;
constexpr uint32_t kOwnerWrite = 0200;
// What a device is taken to need when it does not say: it serves disks of 512 and of 4096 bytes.
constexpr DWORD kDeviceSectorSize = 4096;
constexpr DWORD kFileSectorSize = 512;

// What of dwFlagsAndAttributes are attributes.
constexpr DWORD kAllAttributes = 0x7fff;

bool wants_unbuffered(const OpenRequest& request) {
  return (request.options & (kUnbuffered | kUnbufferedPrefer)) || (request.flags & kDirect);
}

void set_share(const OpenRequest& request, CreateArguments& arguments) {
  if (request.options & kDenyRead) arguments.share &= ~static_cast<DWORD>(FILE_SHARE_READ);
  if (request.options & kDenyWrite) arguments.share &= ~static_cast<DWORD>(FILE_SHARE_WRITE);
  if (request.options & kDenyDelete) arguments.share &= ~static_cast<DWORD>(FILE_SHARE_DELETE);
  if (request.flags & kExclusiveLock) arguments.share = 0;
}

bool set_access(const OpenRequest& request, bool unbuffered, CreateArguments& arguments) {
  // CreateFileW itself adds what reading the attributes and waiting need.
  if (request.options & kAttributesOnly) return true;
  switch (request.flags & kAccessMask) {
    case 0:
      arguments.access = FILE_GENERIC_READ;
      // The right to change how a pipe is read (SetNamedPipeHandleState).
      if (request.options & kConcurrent) arguments.access |= FILE_WRITE_ATTRIBUTES;
      break;
    case kWriteOnly:
      arguments.access = FILE_GENERIC_WRITE;
      break;
    case kReadWrite:
      arguments.access = FILE_GENERIC_READ | FILE_GENERIC_WRITE;
      break;
    default:
      return false;
  }
  if (unbuffered) {
    // Direct writes of whole sectors need the sectors' other bytes, so an unbuffered file is opened
    // for reading too. Its end may lie within a sector, so the system cannot append to it (nor does
    // CreateFileW allow FILE_APPEND_DATA with FILE_FLAG_NO_BUFFERING): lib/ does.
    arguments.access |= FILE_GENERIC_READ;
    arguments.access &= ~static_cast<DWORD>(FILE_APPEND_DATA);
  } else if (request.flags & kAppend) {
    // FILE_APPEND_DATA without FILE_WRITE_DATA has the system itself keep writes at the end. It
    // does not allow to reserve space; such handles append by the position that each write carries.
    arguments.access |= FILE_APPEND_DATA;
    if (request.preallocate <= 0) arguments.access &= ~static_cast<DWORD>(FILE_WRITE_DATA);
  }
  return true;
}

void set_disposition(const OpenRequest& request, CreateArguments& arguments) {
  const bool create = (request.flags & kCreate) != 0;
  const bool truncate = (request.flags & kTruncate) != 0;
  if (create && (request.flags & kExclusive)) {
    arguments.disposition = CREATE_NEW;
  } else if (create) {
    arguments.disposition = truncate ? CREATE_ALWAYS : OPEN_ALWAYS;
  } else {
    arguments.disposition = truncate ? TRUNCATE_EXISTING : OPEN_EXISTING;
  }
  // kernelbase wants this very bit, and gives ERROR_INVALID_PARAMETER for the rights that it stands
  // for.
  if (arguments.disposition == TRUNCATE_EXISTING) arguments.access |= GENERIC_WRITE;
  if (create && !(request.mode & kOwnerWrite)) arguments.attributes |= FILE_ATTRIBUTE_READONLY;
}

// Whether a path names a pipe: `\\\\.\\pipe\\name`, also of another server.
bool is_pipe_path(const PathString& path) {
  constexpr size_t kPrefix = 2;
  const auto is_separator = [](wchar_t c) { return c == L'\\' || c == L'/'; };
  if (path.size() < kPrefix || !is_separator(path[0]) || !is_separator(path[1])) return false;
  size_t end = kPrefix;
  while (end < path.size() && !is_separator(path[end])) ++end;
  constexpr std::wstring_view kPipe = L"pipe";
  if (end + 1 + kPipe.size() >= path.size() || !is_separator(path[end + 1 + kPipe.size()])) {
    return false;
  }
  return _wcsnicmp(path.data() + end + 1, kPipe.data(), kPipe.size()) == 0;
}

bool set_attributes(const OpenRequest& request, HandleMode mode, bool unbuffered,
                    CreateArguments& arguments) {
  const int32_t flags = request.flags;
  const uint32_t options = request.options;
  constexpr int32_t kEitherAccess = kSequential | kRandom;
  constexpr int32_t kEitherSync = kDataSync | kFullSync;
  if ((flags & kEitherAccess) == kEitherAccess) return false;
  if ((flags & kEitherSync) == kEitherSync) return false;
  DWORD& attributes = arguments.attributes;
  if (flags & (kTemporary | kShortLived)) attributes |= FILE_ATTRIBUTE_TEMPORARY;
  if ((flags & kTemporary) || (options & kDeleteOnClose)) {
    attributes |= FILE_FLAG_DELETE_ON_CLOSE;
    arguments.access |= DELETE;
  }
  const bool sequential = (flags & kSequential) || (options & kAccessSequential);
  const bool random = (flags & kRandom) || (options & kAccessRandom);
  if (sequential) attributes |= FILE_FLAG_SEQUENTIAL_SCAN;
  if (random) attributes |= FILE_FLAG_RANDOM_ACCESS;
  if ((flags & kEitherSync) || (options & kWriteThrough)) attributes |= FILE_FLAG_WRITE_THROUGH;
  if (unbuffered) attributes |= FILE_FLAG_NO_BUFFERING;
  if (mode == HandleMode::kOverlapped || (options & kConcurrent)) {
    attributes |= FILE_FLAG_OVERLAPPED;
  }
  if (options & kPosixSemantics) attributes |= FILE_FLAG_POSIX_SEMANTICS;
  if (options & kOpenReparsePoint) attributes |= FILE_FLAG_OPEN_REPARSE_POINT;
  if (options & kNoRecall) attributes |= FILE_FLAG_OPEN_NO_RECALL;
  attributes |= request.attributes;
  // Without it the server of a pipe may act with the rights of its client (Impersonation Levels,
  // https://learn.microsoft.com/windows/win32/secauthz/impersonation-levels).
  if (is_pipe_path(request.path)) attributes |= SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS;
  // It is valid alone only (CreateFileW, dwFlagsAndAttributes).
  constexpr DWORD kOthers = kAllAttributes & ~static_cast<DWORD>(FILE_ATTRIBUTE_NORMAL);
  if (attributes & kOthers) attributes &= ~static_cast<DWORD>(FILE_ATTRIBUTE_NORMAL);
  // Without it a directory cannot be opened.
  attributes |= FILE_FLAG_BACKUP_SEMANTICS;
  return true;
}

ULONG native_options(DWORD flags) {
  constexpr std::pair<DWORD, ULONG> kOptions[] = {
      {FILE_FLAG_WRITE_THROUGH, kNativeWriteThrough},
      {FILE_FLAG_SEQUENTIAL_SCAN, kNativeSequential},
      {FILE_FLAG_NO_BUFFERING, kNativeUnbuffered},
      {FILE_FLAG_RANDOM_ACCESS, kNativeRandom},
      {FILE_FLAG_DELETE_ON_CLOSE, kNativeDeleteOnClose},
      {FILE_FLAG_BACKUP_SEMANTICS, kNativeBackup},
      {FILE_FLAG_OPEN_NO_RECALL, kNativeNoRecall},
  };
  ULONG options = kNativeReparsePointItself;
  for (const auto& [flag, option] : kOptions) {
    if (flags & flag) options |= option;
  }
  return flags & FILE_FLAG_OVERLAPPED ? options : options | kNativeSynchronous;
}

bool is_same_file(HANDLE a, HANDLE b) {
  BY_HANDLE_FILE_INFORMATION one{};
  BY_HANDLE_FILE_INFORMATION other{};
  return GetFileInformationByHandle(a, &one) && GetFileInformationByHandle(b, &other) &&
         one.dwVolumeSerialNumber == other.dwVolumeSerialNumber &&
         one.nFileIndexHigh == other.nFileIndexHigh && one.nFileIndexLow == other.nFileIndexLow;
}

// A reparse point that is no link (a file kept elsewhere, a compressed one) is opened for its data,
// and must be the same file then.
DWORD open_data(const OpenRequest& request, NativeOpen wanted, UniqueHandle& handle) {
  wanted.options &= ~static_cast<ULONG>(kNativeReparsePointItself);
  wanted.disposition = NativeDisposition::kOpen;
  HANDLE opened = nullptr;
  const Result result = open_in(request.directory, request.path, wanted, opened);
  if (!result.ok()) return result.os_error;
  UniqueHandle data(opened);
  if (!is_same_file(data.get(), handle.get())) return ERROR_CANT_RESOLVE_FILENAME;
  handle.reset(data.release());
  return ERROR_SUCCESS;
}

// A link is neither followed nor cut, so that the file is cut only once it is known not to be one.
DWORD finish_open_in(const OpenRequest& request, const NativeOpen& wanted, UniqueHandle& handle) {
  FILE_ATTRIBUTE_TAG_INFO info{};
  if (GetFileInformationByHandleEx(handle.get(), FileAttributeTagInfo, &info, sizeof info) &&
      (info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
      !(request.options & kOpenReparsePoint)) {
    if (IsReparseTagNameSurrogate(info.ReparseTag)) return ERROR_CANT_RESOLVE_FILENAME;
    const DWORD error = open_data(request, wanted, handle);
    if (error != ERROR_SUCCESS) return error;
  }
  if (!(request.flags & kTruncate)) return ERROR_SUCCESS;
  FILE_END_OF_FILE_INFO end{};
  const BOOL cut = SetFileInformationByHandle(handle.get(), FileEndOfFileInfo, &end, sizeof end);
  return cut ? ERROR_SUCCESS : GetLastError();
}

// Opens a name in a directory; INVALID_HANDLE_VALUE with the reason in GetLastError().
HANDLE create_in_directory(const OpenRequest& request, const CreateArguments& arguments,
                           DWORD access) {
  NativeOpen wanted;
  wanted.access = access | SYNCHRONIZE | FILE_READ_ATTRIBUTES;
  wanted.attributes = arguments.attributes & kAllAttributes;
  wanted.share = arguments.share;
  wanted.options = native_options(arguments.attributes);
  wanted.inheritable = (request.options & kInheritable) != 0;
  if (request.flags & kCreate) {
    wanted.disposition = request.flags & kExclusive ? NativeDisposition::kCreate
                                                    : NativeDisposition::kOpenIf;
  }
  HANDLE opened = nullptr;
  const Result result = open_in(request.directory, request.path, wanted, opened);
  UniqueHandle handle(result.ok() ? opened : nullptr);
  const DWORD error =
      result.ok() ? finish_open_in(request, wanted, handle) : static_cast<DWORD>(result.os_error);
  if (error == ERROR_SUCCESS) return handle.release();
  SetLastError(error);
  return INVALID_HANDLE_VALUE;
}

// INVALID_HANDLE_VALUE with the reason in GetLastError().
HANDLE create_file(const OpenRequest& request, HandleMode mode, bool unbuffered) {
  CreateArguments arguments;
  if (!create_arguments(request, mode, unbuffered, arguments)) {
    SetLastError(ERROR_INVALID_PARAMETER);
    return INVALID_HANDLE_VALUE;
  }
  SECURITY_ATTRIBUTES security{sizeof security, nullptr, TRUE};
  SECURITY_ATTRIBUTES* const inherited = request.options & kInheritable ? &security : nullptr;
  const auto create = [&](DWORD access) {
    if (request.is_name()) return create_in_directory(request, arguments, access);
    return CreateFileW(request.path.c_str(), access, arguments.share, inherited,
                       arguments.disposition, arguments.attributes, nullptr);
  };
  const HANDLE handle = create(arguments.access);
  const bool write_only = (request.flags & kAccessMask) == kWriteOnly;
  // A file that may be written but not read can still take whole sectors.
  if (handle == INVALID_HANDLE_VALUE && unbuffered && write_only &&
      GetLastError() == ERROR_ACCESS_DENIED) {
    return create((arguments.access & ~static_cast<DWORD>(FILE_GENERIC_READ)) | FILE_GENERIC_WRITE);
  }
  return handle;
}

// Wine has no type for its drives.
bool is_drive(HANDLE handle) {
  DISK_GEOMETRY geometry{};
  return query_device(handle, IOCTL_DISK_GET_DRIVE_GEOMETRY, &geometry, sizeof geometry).ok();
}

DeviceType device_type_of(HANDLE handle) {
  switch (GetFileType(handle)) {
    case FILE_TYPE_CHAR:
      return DeviceType::kChar;
    case FILE_TYPE_PIPE:
      return DeviceType::kPipe;
    case FILE_TYPE_DISK:
      break;
    default:
      return is_drive(handle) ? DeviceType::kBlock : DeviceType::kUnknown;
  }
  // A drive opened as a device is of type disk as well, but it has no attributes.
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic)) {
    return DeviceType::kBlock;
  }
  return basic.FileAttributes & FILE_ATTRIBUTE_DIRECTORY ? DeviceType::kDirectory
                                                         : DeviceType::kDisk;
}

DWORD volume_sector_size(const PathString& path) {
  std::vector<wchar_t> root(std::max<size_t>(path.size() + 1, MAX_PATH));
  DWORD clusters[3]{};
  DWORD sector_size = 0;
  if (GetVolumePathNameW(path.c_str(), root.data(), static_cast<DWORD>(root.size())) &&
      GetDiskFreeSpaceW(root.data(), &clusters[0], &sector_size, &clusters[1], &clusters[2]) &&
      sector_size > 0) {
    return sector_size;
  }
  return kFileSectorSize;
}

DWORD device_sector_size(HANDLE handle) {
  DISK_GEOMETRY geometry{};
  const Result queried =
      query_device(handle, IOCTL_DISK_GET_DRIVE_GEOMETRY, &geometry, sizeof geometry);
  return queried.ok() && geometry.BytesPerSector > 0 ? geometry.BytesPerSector : kDeviceSectorSize;
}

// Without it a volume refuses what lies behind the end of its file system, as the last sectors of a
// partition do (FSCTL_ALLOW_EXTENDED_DASD_IO). Drives and other devices do not know the request.
void allow_whole_volume(HANDLE handle) {
  (void)query_device(handle, FSCTL_ALLOW_EXTENDED_DASD_IO, nullptr, 0);
}

// 0 where the device does not say.
int64_t size_of_device(HANDLE handle) {
  GET_LENGTH_INFORMATION length{};
  const Result queried = query_device(handle, IOCTL_DISK_GET_LENGTH_INFO, &length, sizeof length);
  return queried.ok() ? length.Length.QuadPart : 0;
}

// Position and length must be whole logical sectors. Buffers "should be" aligned to the physical
// sector, which "may not be enforced" (File Buffering, Win32 documentation).
Alignment alignment_of(HANDLE handle, DeviceType device_type, const PathString& path) {
  DWORD logical = 0;
  DWORD physical = 0;
  FILE_STORAGE_INFO storage{};
  if (GetFileInformationByHandleEx(handle, FileStorageInfo, &storage, sizeof storage)) {
    logical = storage.LogicalBytesPerSector;
    physical = storage.PhysicalBytesPerSectorForAtomicity;
  }
  if (logical == 0) {
    logical =
        device_type == DeviceType::kBlock ? device_sector_size(handle) : volume_sector_size(path);
  }
  DWORD memory = std::max(logical, physical);
  // The requirement of the device itself is a mask: one less than a power of two.
  FILE_ALIGNMENT_INFO device{};
  if (GetFileInformationByHandleEx(handle, FileAlignmentInfo, &device, sizeof device)) {
    memory = std::max<DWORD>(memory, device.AlignmentRequirement + 1);
  }
  return Alignment{logical, logical, memory};
}

Result set_end_of_file(HANDLE handle, int64_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = size;
  return SetFileInformationByHandle(handle, FileEndOfFileInfo, &end, sizeof end)
             ? Result::success(0)
             : Result::failure(GetLastError());
}

// Where a file system has no call to allocate, growing the file and shrinking it again shows at
// least that there is room; the space itself is then not kept.
Result allocate_by_growing(HANDLE handle, int64_t size, int64_t wanted) {
  const Result grown = set_end_of_file(handle, wanted);
  if (!grown.ok()) return grown;
  return set_end_of_file(handle, size);
}

Result preallocate(HANDLE handle, int64_t wanted) {
  LARGE_INTEGER size{};
  if (!GetFileSizeEx(handle, &size)) return Result::failure(GetLastError());
  // An allocation below the end of the file would cut the file.
  if (wanted <= size.QuadPart) return Result::success(0);
  FILE_ALLOCATION_INFO allocation{};
  allocation.AllocationSize.QuadPart = wanted;
  if (SetFileInformationByHandle(handle, FileAllocationInfo, &allocation, sizeof allocation)) {
    return Result::success(0);
  }
  switch (const DWORD error = GetLastError()) {
    case ERROR_INVALID_FUNCTION:
    case ERROR_INVALID_PARAMETER:
    case ERROR_NOT_SUPPORTED:
    case ERROR_CALL_NOT_IMPLEMENTED:
      return allocate_by_growing(handle, size.QuadPart, wanted);
    default:
      return Result::failure(error);
  }
}

// True when a file system without unbuffered I/O may have refused an open for the flag alone.
bool may_refuse_unbuffered(DWORD error) {
  return error == ERROR_INVALID_PARAMETER || error == ERROR_NOT_SUPPORTED ||
         error == ERROR_INVALID_FUNCTION;
}

Result open_failure(const OpenRequest& request, DWORD error) {
  // With O_CREAT and without O_EXCL only a directory can be in the way. ERROR_INVALID_FUNCTION is
  // what reading a directory gives, and EISDIR in Node.
  const bool create = (request.flags & kCreate) && !(request.flags & kExclusive);
  return Result::failure(
      create && error == ERROR_FILE_EXISTS ? static_cast<uint32_t>(ERROR_INVALID_FUNCTION) : error);
}

Result open_any(const OpenRequest& request, HandleMode mode, std::unique_ptr<OpenFile>& opened) {
  bool unbuffered = wants_unbuffered(request);
  HANDLE handle = create_file(request, mode, unbuffered);
  if (handle == INVALID_HANDLE_VALUE && (request.options & kUnbufferedPrefer) &&
      may_refuse_unbuffered(GetLastError())) {
    unbuffered = false;
    handle = create_file(request, mode, unbuffered);
  }
  if (handle == INVALID_HANDLE_VALUE) return open_failure(request, GetLastError());

  auto file = std::make_unique<OpenFile>(handle, device_type_of(handle));
  file->append = !unbuffered && (request.flags & kAppend) != 0;
  file->waits_by_event = (request.options & kConcurrent) != 0;
  const DeviceType type = file->device_type();
  file->unbuffered = unbuffered && (type == DeviceType::kDisk || type == DeviceType::kBlock);
  if (type == DeviceType::kBlock) {
    allow_whole_volume(handle);
    file->device_size = size_of_device(handle);
  }
  if (file->unbuffered) file->alignment = alignment_of(handle, type, request.path);
  if (request.preallocate > 0 && type == DeviceType::kDisk) {
    const Result reserved = preallocate(handle, request.preallocate);
    if (!reserved.ok()) {
      file.reset();
      // What this call has made goes with it: the next one must not find it there.
      constexpr int32_t kMade = kCreate | kExclusive;
      if ((request.flags & kMade) == kMade) DeleteFileW(request.path.c_str());
      return reserved;
    }
  }
  opened = std::move(file);
  return Result::success(0);
}

}  // namespace

bool create_arguments(const OpenRequest& request, HandleMode mode, bool unbuffered,
                      CreateArguments& arguments) {
  if (!set_access(request, unbuffered, arguments) ||
      !set_attributes(request, mode, unbuffered, arguments)) {
    return false;
  }
  set_disposition(request, arguments);
  set_share(request, arguments);
  return true;
}

Result open_file(const OpenRequest& request, HandleMode mode, std::unique_ptr<OpenFile>& opened) {
  if (!(request.options & kBackupIntent)) return open_any(request, mode, opened);
  const bool reads = (request.flags & kAccessMask) == 0;
  const BackupPrivileges privileges(reads ? BackupPrivileges::Use::kRead
                                          : BackupPrivileges::Use::kWrite);
  if (privileges.error() != ERROR_SUCCESS) return Result::failure(privileges.error());
  return open_any(request, mode, opened);
}

}  // namespace overlapped
