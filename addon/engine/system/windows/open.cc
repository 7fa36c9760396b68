#include "open.h"

#include <utility>

#include "create_arguments.h"
#include "disk_facts.h"
#include "native_calls.h"
#include "privileges.h"
#include "system/blocking.h"
#include "windows_io.h"

namespace overlapped {

using namespace open_flag;

namespace {

bool wants_unbuffered(const OpenRequest& request) {
  return (request.options & (kUnbuffered | kUnbufferedPrefer)) || (request.flags & kDirect);
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

// Opens the data of a reparse point that is not a link (a remotely stored or a compressed file),
// which must then be the same file.
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

// Links are not followed, and a file is truncated only once it is known not to be a link.
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

// Opens a name in a directory. Returns INVALID_HANDLE_VALUE and sets GetLastError() on failure.
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

// Returns INVALID_HANDLE_VALUE and sets GetLastError() on failure.
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
  // Reading the attributes needs no rights.
  if (handle == INVALID_HANDLE_VALUE && (request.options & kAttributesOnly) &&
      GetLastError() == ERROR_ACCESS_DENIED) {
    return create(0);
  }
  const bool write_only = (request.flags & kAccessMask) == kWriteOnly;
  // A file that may be written but not read can still accept whole sectors.
  if (handle == INVALID_HANDLE_VALUE && unbuffered && write_only &&
      GetLastError() == ERROR_ACCESS_DENIED) {
    return create((arguments.access & ~static_cast<DWORD>(FILE_GENERIC_READ)) | FILE_GENERIC_WRITE);
  }
  return handle;
}

// Whether an error may mean that the file system refused an open only for lack of unbuffered I/O.
bool may_refuse_unbuffered(DWORD error) {
  return error == ERROR_INVALID_PARAMETER || error == ERROR_NOT_SUPPORTED ||
         error == ERROR_INVALID_FUNCTION;
}

Result open_failure(const OpenRequest& request, DWORD error) {
  // With O_CREAT but without O_EXCL, only an existing directory can cause this error. Reading a
  // directory gives ERROR_INVALID_FUNCTION, which is EISDIR in Node.
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
  file->access = asked_access(request);
  file->is_exclusive = is_exclusive(request);
  file->append = !unbuffered && (request.flags & kAppend) != 0;
  file->waits_by_event = is_overlapped(request, mode);
  const DeviceType type = file->device_type();
  file->unbuffered = unbuffered && (type == DeviceType::kDisk || type == DeviceType::kBlock);
  if (type == DeviceType::kBlock) file->device_size = size_of_device(handle);
  if (file->unbuffered) file->alignment = alignment_of(handle, type, request.path);
  if (request.preallocate > 0 && type == DeviceType::kDisk) {
    const Result reserved = preallocate(handle, request.preallocate);
    if (!reserved.ok()) {
      file.reset();
      // Removes the file that this call created, so that a retry does not find it.
      constexpr int32_t kMade = kCreate | kExclusive;
      if ((request.flags & kMade) == kMade) DeleteFileW(request.path.c_str());
      return reserved;
    }
  }
  opened = std::move(file);
  return Result::success(0);
}

}  // namespace

namespace {

// A request to open the same file a second time, without creating or truncating it again.
OpenRequest of_existing(OpenRequest request) {
  request.flags &= ~(kCreate | kTruncate | kExclusive);
  return request;
}

// Among character devices only serial ports support overlapped I/O as files do. Completion ports do
// not accept consoles, and the null device never waits.
bool takes_overlapped_calls(const OpenFile& file) {
  DCB settings{};
  settings.DCBlength = sizeof settings;
  return file.device_type() != DeviceType::kChar || GetCommState(file.handle(), &settings) != 0;
}

}  // namespace

Result open_for_transfers(const OpenRequest& request, std::unique_ptr<OpenFile>& opened) {
  const Result result = open_file(request, HandleMode::kOverlapped, opened);
  if (!result.ok() || takes_overlapped_calls(*opened)) return result;
  opened.reset();
  return open_file(of_existing(request), HandleMode::kSynchronous, opened);
}

Result reopen_for_transfers(const OpenRequest& request, std::unique_ptr<OpenFile>& opened) {
  std::unique_ptr<OpenFile> again;
  const Result result = open_for_transfers(of_existing(request), again);
  opened = std::move(again);
  return result;
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
