#include "open.h"

#include <array>
#include <span>
#include <utility>

#include "create_arguments.h"
#include "disk_facts.h"
#include "held_entry.h"
#include "io_priority.h"
#include "names.h"
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

// Links are not followed, and a file is truncated only once it is known not to be a link.
Result finish_open_in(const OpenRequest& request, const NativeOpen& wanted, UniqueHandle& handle) {
  if (!(request.options & kOpenReparsePoint)) {
    const Result entered = enter_content(request.directory, request.path, wanted, handle);
    if (!entered.ok()) return entered;
  }
  if (!(request.flags & kTruncate)) return Result::success(0);
  ObjectKind kind;
  const Result looked = read_kind(handle.get(), kind);
  if (!looked.ok()) return looked;
  // The error of reading a directory, which is EISDIR in Node.
  if (kind.is_directory()) return Result::failure(ERROR_INVALID_FUNCTION);
  FILE_END_OF_FILE_INFO end{};
  const BOOL cut = SetFileInformationByHandle(handle.get(), FileEndOfFileInfo, &end, sizeof end);
  return result_of(cut);
}

NativeOpen native_open(const OpenRequest& request, const CreateArguments& arguments,
                       DWORD access) {
  NativeOpen wanted;
  wanted.access = access | SYNCHRONIZE | FILE_READ_ATTRIBUTES;
  // Needed to set the end of the file, whatever else the file is opened for.
  if (request.flags & kTruncate) wanted.access |= FILE_WRITE_DATA;
  wanted.attributes = arguments.attributes & kAllAttributes;
  wanted.share = arguments.share;
  wanted.options = native_options(arguments.attributes);
  wanted.inheritable = (request.options & kInheritable) != 0;
  wanted.case_sensitive = (request.options & kPosixSemantics) != 0;
  if (request.flags & kCreate) {
    wanted.disposition = request.flags & kExclusive ? NativeDisposition::kCreate
                                                    : NativeDisposition::kOpenIf;
  }
  return wanted;
}

// Opens a name that closing the handle will delete. The object with the name is examined first and
// then opened by its handle: a link, which fails to open, would be deleted too.
Result open_to_delete(const OpenRequest& request, NativeOpen wanted, HANDLE& opened) {
  NativeOpen look = wanted;
  look.access = FILE_READ_ATTRIBUTES | SYNCHRONIZE;
  look.options = kNativeSynchronous | kNativeBackup | kNativeReparsePointItself;
  look.disposition = NativeDisposition::kOpen;
  look.inheritable = false;
  HANDLE found = nullptr;
  const Result looked = open_in(request.directory, request.path, look, found);
  if (looked.os_error == ERROR_FILE_NOT_FOUND &&
      wanted.disposition == NativeDisposition::kOpenIf) {
    wanted.disposition = NativeDisposition::kCreate;
    return open_in(request.directory, request.path, wanted, opened);
  }
  if (!looked.ok()) return looked;
  const UniqueHandle held(found);
  ObjectKind kind;
  const Result known = read_kind(held.get(), kind);
  if (!known.ok()) return known;
  if (kind.is_link() && !(request.options & kOpenReparsePoint)) {
    return Result::failure(ERROR_CANT_RESOLVE_FILENAME);
  }
  wanted.disposition = NativeDisposition::kOpen;
  return open_in(held.get(), std::wstring(), wanted, opened);
}

// Opens a name in a directory. Returns INVALID_HANDLE_VALUE and sets GetLastError() on failure.
HANDLE create_in_directory(const OpenRequest& request, const CreateArguments& arguments,
                           DWORD access) {
  const NativeOpen wanted = native_open(request, arguments, access);
  const bool deletes = (wanted.options & kNativeDeleteOnClose) != 0 &&
                       wanted.disposition != NativeDisposition::kCreate;
  HANDLE opened = nullptr;
  Result result = deletes ? open_to_delete(request, wanted, opened)
                          : open_in(request.directory, request.path, wanted, opened);
  UniqueHandle handle(result.ok() ? opened : nullptr);
  if (result.ok()) result = finish_open_in(request, wanted, handle);
  if (result.ok()) return handle.release();
  SetLastError(result.os_error);
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

// Removes the file that a failed call has created, so that a retry does not find it.
void remove_made(const OpenRequest& request) {
  HeldEntry made;
  const Result opened = request.is_name() ? made.open_in(request.directory, request.path, false)
                                          : made.open(request.path, false);
  if (opened.ok()) (void)made.remove();
}

// Carries out the options of the request that need an open handle.
Result prepare(HANDLE handle, DeviceType type, const OpenRequest& request) {
  const bool is_of_disk = type == DeviceType::kDisk || type == DeviceType::kBlock;
  if ((request.options & kAnyIoPriority) != 0 && is_of_disk) {
    const Result hinted = hint_priority(handle, request.options);
    if (!hinted.ok()) return hinted;
  }
  if (request.preallocate <= 0 || type != DeviceType::kDisk) return Result::success(0);
  return preallocate(handle, request.preallocate);
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
  file->reopen_flags = reopen_flags(request);
  const DeviceType type = file->device_type();
  file->unbuffered = unbuffered && (type == DeviceType::kDisk || type == DeviceType::kBlock);
  if (type == DeviceType::kBlock) file->device_size = size_of_device(handle);
  if (file->unbuffered) file->alignment = alignment_of(handle, type);
  const Result prepared = prepare(handle, type, request);
  if (!prepared.ok()) {
    file.reset();
    constexpr int32_t kMade = kCreate | kExclusive;
    if ((request.flags & kMade) == kMade) remove_made(request);
    return prepared;
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
  constexpr std::array<const wchar_t*, 2> kNames{L"SeBackupPrivilege", L"SeRestorePrivilege"};
  const std::span<const wchar_t* const> names(kNames);
  const bool writes = (request.flags & kAccessMask) != 0;
  const ThreadPrivileges privileges(names.first(writes ? 2 : 1));
  if (privileges.error() != ERROR_SUCCESS) return Result::failure(privileges.error());
  return open_any(request, mode, opened);
}

}  // namespace overlapped
