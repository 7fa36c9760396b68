#include "system/copy_small_file.h"

#include <memory>

#include "windows_io.h"

namespace overlapped {

namespace {

constexpr DWORD kBufferSize = 256 * 1024;
constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
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

class FileOf {
 public:
  explicit FileOf(HANDLE handle) : handle_(handle) {}
  ~FileOf() { close(); }
  FileOf(const FileOf&) = delete;
  FileOf& operator=(const FileOf&) = delete;
  bool valid() const { return handle_ != INVALID_HANDLE_VALUE; }
  HANDLE get() const { return handle_; }
  void close() {
    if (valid()) CloseHandle(handle_);
    handle_ = INVALID_HANDLE_VALUE;
  }

 private:
  HANDLE handle_;
};

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

Result fill(Operation& op, HANDLE from, const FILE_BASIC_INFO& basic, FileOf& to) {
  const Result copied = copy_content(op, from, to.get());
  if (!copied.ok()) return copied;
  FILE_BASIC_INFO after{};
  if (!GetFileInformationByHandleEx(from, FileBasicInfo, &after, sizeof after)) {
    return Result::failure(GetLastError());
  }
  // A change of the size is one of the time as well.
  if (after.LastWriteTime.QuadPart != basic.LastWriteTime.QuadPart) {
    return Result::success(kSourceChanged);
  }
  if (op.flags & kMetadataTimes) {
    const Result kept = unless_refused(op, kMetadataTimes, keep_times(to.get(), basic));
    if (!kept.ok()) return kept;
  }
  to.close();
  return copied;
}

Result give_name(Operation& op, const FILE_BASIC_INFO& basic) {
  const OperationDetail& paths = *op.detail;
  const DWORD attributes = basic.FileAttributes & kKeptAttributes;
  if (op.flags & kMetadataAttributes) {
    const DWORD wanted = attributes != 0 ? attributes : FILE_ATTRIBUTE_NORMAL;
    const Result kept = unless_refused(
        op, kMetadataAttributes, result_of(SetFileAttributesW(paths.second_path.c_str(), wanted)));
    if (!kept.ok()) return kept;
  }
  // What is read-only is not replaced by a rename; it is so again if that fails.
  const wchar_t* const destination = paths.third_path.c_str();
  const DWORD there = GetFileAttributesW(destination);
  const bool read_only = there != INVALID_FILE_ATTRIBUTES && (there & FILE_ATTRIBUTE_READONLY);
  if (read_only) SetFileAttributesW(destination, there & ~DWORD{FILE_ATTRIBUTE_READONLY});
  const Result moved =
      result_of(MoveFileExW(paths.second_path.c_str(), destination, MOVEFILE_REPLACE_EXISTING));
  if (!moved.ok() && read_only) SetFileAttributesW(destination, there);
  return moved;
}

void remove_temporary(const PathString& path) {
  // Read-only files are not removed.
  SetFileAttributesW(path.c_str(), FILE_ATTRIBUTE_NORMAL);
  DeleteFileW(path.c_str());
}

}  // namespace

Result copy_small_file(Operation& op) {
  const OperationDetail& paths = *op.detail;
  const FileOf from(CreateFileW(paths.open.path.c_str(), GENERIC_READ, kShareAll, nullptr,
                                OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
  if (!from.valid()) return Result::failure(GetLastError());
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(from.get(), FileBasicInfo, &basic, sizeof basic)) {
    return Result::failure(GetLastError());
  }
  FileOf to(CreateFileW(paths.second_path.c_str(), GENERIC_WRITE, kShareAll, nullptr, CREATE_NEW,
                        FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!to.valid()) return Result::failure(GetLastError());
  Result result = fill(op, from.get(), basic, to);
  const bool is_whole = result.ok() && result.value != kSourceChanged;
  if (is_whole) {
    const Result named = give_name(op, basic);
    if (!named.ok()) result = named;
  }
  to.close();
  if (!is_whole || !result.ok()) remove_temporary(paths.second_path);
  return result;
}

}  // namespace overlapped
