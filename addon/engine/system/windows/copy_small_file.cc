#include "system/copy_small_file.h"

#include <memory>

#include "names.h"
#include "windows_io.h"

namespace overlapped {

namespace {

constexpr DWORD kBufferSize = 256 * 1024;
// Those that are no part of how the file system keeps the content.
constexpr DWORD kKeptAttributes = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN |
                                  FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE |
                                  FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;

Result result_of(BOOL done) { return done ? Result::success(0) : Result::failure(GetLastError()); }

// What says that the file system or the rights of the process do not give a part: refusals of
// lib/copy/metadata.ts, before libuv has named them.
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

// Notes a part that was tried and refused; gives what stays an error.
Result unless_refused(Operation& op, uint32_t part, const Result& kept) {
  if (!is_refusal(kept.os_error) || !(op.flags & (part << kMetadataTriedShift))) return kept;
  op.detail->refused_parts |= part;
  return Result::success(0);
}

// To the end, wherever that is by now.
Result copy_content(const Operation& op, HANDLE from, HANDLE to) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kBufferSize);
  for (int64_t copied = 0;;) {
    if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
    DWORD length = 0;
    if (!ReadFile(from, buffer.get(), kBufferSize, &length, nullptr)) {
      return Result::failure(GetLastError());
    }
    if (length == 0) return Result::success(copied);
    // A synchronous write to a disk is whole or an error.
    DWORD written = 0;
    if (!WriteFile(to, buffer.get(), length, &written, nullptr)) {
      return Result::failure(GetLastError());
    }
    copied += length;
  }
}

Result keep_times(HANDLE to, const FILE_BASIC_INFO& basic) {
  // A zero leaves what is there: the time of the last change of metadata is nobody's to set.
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

// The content and the metadata. Times come last: an attribute that is set changes none of them.
Result fill(Operation& op, HANDLE from, const FILE_BASIC_INFO& basic, HANDLE to) {
  const Result copied = copy_content(op, from, to);
  if (!copied.ok()) return copied;
  FILE_BASIC_INFO after{};
  if (!GetFileInformationByHandleEx(from, FileBasicInfo, &after, sizeof after)) {
    return Result::failure(GetLastError());
  }
  // A change of the size is one of the time as well.
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

// It is removed by its handle, also where it is read-only by now.
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
  const Result opened =
      open_name(op.source->handle(), names.open.path, GENERIC_READ, from, kNativeNotDirectory);
  if (!opened.ok()) return opened;
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(from.get(), FileBasicInfo, &basic, sizeof basic)) {
    return Result::failure(GetLastError());
  }
  NativeOpen wanted;
  wanted.access = GENERIC_WRITE | FILE_READ_ATTRIBUTES | DELETE | SYNCHRONIZE;
  wanted.attributes = FILE_ATTRIBUTE_NORMAL;
  wanted.disposition = NativeDisposition::kCreate;
  wanted.options |= kNativeNotDirectory;
  HANDLE made = nullptr;
  const Result created = open_in(op.file->handle(), names.second_path, wanted, made);
  if (!created.ok()) return created;
  // While it is open, nobody gets it for himself alone, which is what a lock is elsewhere.
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
