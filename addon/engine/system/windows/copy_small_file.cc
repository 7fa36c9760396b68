#include "system/copy_small_file.h"

#include <memory>

#include "names.h"
#include "windows_io.h"

namespace overlapped {

namespace {

constexpr DWORD kBufferSize = 256 * 1024;
// The attributes that do not describe how the file system stores the content.
constexpr DWORD kKeptAttributes = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN |
                                  FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE |
                                  FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;

// Whether an error means that the file system or the rights of the process refuse a part. These are
// the refusals of lib/copy/metadata.ts, before libuv translates them.
bool is_refusal(uint32_t error) {
  switch (error) {
    case ERROR_INVALID_FUNCTION:
    case ERROR_ACCESS_DENIED:
    case ERROR_NOT_SUPPORTED:
    case ERROR_INVALID_PARAMETER:
    case ERROR_CALL_NOT_IMPLEMENTED:
    case ERROR_PRIVILEGE_NOT_HELD:
      return true;
    default:
      return false;
  }
}

// Records an optional part that was refused; returns other errors unchanged.
Result unless_refused(Operation& op, uint32_t part, const Result& kept) {
  if (!is_refusal(kept.os_error) || !(op.flags & (part << kMetadataTriedShift))) return kept;
  op.detail->refused_parts |= part;
  return Result::success(0);
}

// Copies up to the end of the file, even if it has grown.
Result copy_content(const Operation& op, HANDLE from, HANDLE to) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kBufferSize);
  for (int64_t copied = 0;;) {
    if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
    DWORD length = 0;
    if (!ReadFile(from, buffer.get(), kBufferSize, &length, nullptr)) {
      return last_error();
    }
    if (length == 0) return Result::success(copied);
    // A synchronous write to a disk writes everything or fails.
    DWORD written = 0;
    if (!WriteFile(to, buffer.get(), length, &written, nullptr)) {
      return last_error();
    }
    copied += length;
  }
}

Result keep_times(HANDLE to, const FILE_BASIC_INFO& basic) {
  // A zero keeps the current value: nobody can set the time of the last metadata change.
  FILE_BASIC_INFO times{};
  times.CreationTime = basic.CreationTime;
  times.LastAccessTime = basic.LastAccessTime;
  times.LastWriteTime = basic.LastWriteTime;
  return result_of(SetFileInformationByHandle(to, FileBasicInfo, &times, sizeof times));
}

Result keep_attributes(HANDLE to, const FILE_BASIC_INFO& basic) {
  FILE_BASIC_INFO wanted{};
  wanted.FileAttributes = basic.FileAttributes & kKeptAttributes;
  if (wanted.FileAttributes == 0) wanted.FileAttributes = FILE_ATTRIBUTE_NORMAL;
  return result_of(SetFileInformationByHandle(to, FileBasicInfo, &wanted, sizeof wanted));
}

// Copies the content, then the metadata. Times are last; setting an attribute does not change them.
Result fill(Operation& op, HANDLE from, const FILE_BASIC_INFO& basic, HANDLE to) {
  const Result copied = copy_content(op, from, to);
  if (!copied.ok()) return copied;
  FILE_BASIC_INFO after{};
  if (!GetFileInformationByHandleEx(from, FileBasicInfo, &after, sizeof after)) {
    return last_error();
  }
  // A change of the size also changes the time.
  if (after.LastWriteTime.QuadPart != basic.LastWriteTime.QuadPart) {
    return Result::success(kSourceChanged);
  }
  if (op.flags & kMetadataAttributes) {
    const Result kept = unless_refused(op, kMetadataAttributes, keep_attributes(to, basic));
    if (!kept.ok()) return kept;
  }
  if (op.flags & kMetadataTimes) {
    const Result kept = unless_refused(op, kMetadataTimes, keep_times(to, basic));
    if (!kept.ok()) return kept;
  }
  return copied;
}

// Opens the content of a file; fails for a link that has taken its name.
Result open_source(HANDLE directory, const std::wstring& name, UniqueHandle& from) {
  NativeOpen wanted;
  wanted.access = GENERIC_READ | SYNCHRONIZE;
  wanted.options |= kNativeNotDirectory;
  HANDLE opened = nullptr;
  const Result result = open_in(directory, name, wanted, opened);
  if (!result.ok()) return result;
  from.reset(opened);
  return enter_content(directory, name, wanted, from);
}

// Removes the file by its handle, even if it is read-only by now.
void discard(HANDLE file) {
  FILE_BASIC_INFO basic{};
  basic.FileAttributes = FILE_ATTRIBUTE_NORMAL;
  (void)SetFileInformationByHandle(file, FileBasicInfo, &basic, sizeof basic);
  FILE_DISPOSITION_INFO disposition{};
  disposition.DeleteFile = TRUE;
  (void)SetFileInformationByHandle(file, FileDispositionInfo, &disposition, sizeof disposition);
}

}  // namespace

Result copy_small_file(Operation& op) {
  const OperationDetail& names = *op.detail;
  UniqueHandle from;
  const Result opened = open_source(op.source->handle(), names.open.path, from);
  if (!opened.ok()) return opened;
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(from.get(), FileBasicInfo, &basic, sizeof basic)) {
    return last_error();
  }
  NativeOpen wanted;
  wanted.access = GENERIC_WRITE | FILE_READ_ATTRIBUTES | DELETE | SYNCHRONIZE;
  wanted.attributes = FILE_ATTRIBUTE_NORMAL;
  wanted.disposition = NativeDisposition::kCreate;
  wanted.options |= kNativeNotDirectory;
  HANDLE made = nullptr;
  const Result created = open_in(op.file->handle(), names.second_path, wanted, made);
  if (!created.ok()) return created;
  // An open file cannot be opened exclusively, which serves as the lock of other systems.
  const UniqueHandle to(made);
  Result result = fill(op, from.get(), basic, to.get());
  if (result.ok() && result.value != kSourceChanged) {
    const Result named = rename_file(to.get(), op.file->handle(), names.third_path, true);
    if (named.ok()) return result;
    result = named;
  }
  discard(to.get());
  return result;
}

}  // namespace overlapped
