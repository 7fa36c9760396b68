#include "names.h"
#include "pipe_path.h"
#include "windows_io.h"
#include "system/attributes.h"

namespace overlapped {

namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
// The attributes that SetFileAttributesW accepts; the others have calls of their own (Remarks).
constexpr DWORD kSettable = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN |
                            FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_NORMAL |
                            FILE_ATTRIBUTE_TEMPORARY | FILE_ATTRIBUTE_OFFLINE |
                            FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;

UniqueHandle open_path(const OpenRequest& request, DWORD access) {
  const DWORD of_link = request.options & kOfLink ? FILE_FLAG_OPEN_REPARSE_POINT : 0;
  return UniqueHandle(CreateFileW(request.path.c_str(), access, kShareAll, nullptr, OPEN_EXISTING,
                                  FILE_FLAG_BACKUP_SEMANTICS | of_link |
                                      impersonation_flags(request.path),
                                  nullptr));
}

// GetCompressedFileSize reads FileCompressionInfo. File systems without it still report the
// allocated size.
Result attributes_of(HANDLE handle, FileAttributes& attributes) {
  FILE_BASIC_INFO basic{};
  FILE_STANDARD_INFO standard{};
  FILE_COMPRESSION_INFO compression{};
  if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic) ||
      !GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard)) {
    return last_error();
  }
  attributes.bits = basic.FileAttributes;
  attributes.allocated =
      GetFileInformationByHandleEx(handle, FileCompressionInfo, &compression, sizeof compression)
          ? compression.CompressedFileSize.QuadPart
          : standard.AllocationSize.QuadPart;
  return Result::success(0);
}

// A zero time leaves the time of the file unchanged (FILE_BASIC_INFO).
Result change_attributes(HANDLE handle, DWORD set, DWORD clear) {
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic)) {
    return last_error();
  }
  DWORD bits = ((basic.FileAttributes & ~clear) | set) & kSettable;
  if (bits & ~static_cast<DWORD>(FILE_ATTRIBUTE_NORMAL)) {
    bits &= ~static_cast<DWORD>(FILE_ATTRIBUTE_NORMAL);
  } else {
    bits = FILE_ATTRIBUTE_NORMAL;
  }
  FILE_BASIC_INFO wanted{};
  wanted.FileAttributes = bits;
  return result_of(SetFileInformationByHandle(handle, FileBasicInfo, &wanted, sizeof wanted));
}

Result change_encryption(const PathString& path, DWORD set, DWORD clear) {
  if ((set & FILE_ATTRIBUTE_ENCRYPTED) && !EncryptFileW(path.c_str())) return last_error();
  if ((clear & FILE_ATTRIBUTE_ENCRYPTED) && !DecryptFileW(path.c_str(), 0)) return last_error();
  return Result::success(0);
}

}  // namespace

Result get_attributes(Operation& op) {
  FileAttributes& attributes = op.details().attributes;
  if (op.opcode == Opcode::kGetAttributes) return attributes_of(op.file->handle(), attributes);
  const UniqueHandle handle = open_path(op.detail->open, FILE_READ_ATTRIBUTES);
  return handle.valid() ? attributes_of(handle.get(), attributes) : last_error();
}

Result set_attributes(Operation& op) {
  const DWORD set = op.flags;
  const auto clear = static_cast<DWORD>(op.length);
  constexpr DWORD kAccess = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES;
  if (op.opcode == Opcode::kSetAttributesPath) {
    const PathString& path = op.detail->open.path;
    const Result encrypted = change_encryption(path, set, clear);
    if (!encrypted.ok()) return encrypted;
    if (((set | clear) & kSettable) == 0) return encrypted;
    const UniqueHandle handle = open_path(op.detail->open, kAccess);
    return handle.valid() ? change_attributes(handle.get(), set, clear) : last_error();
  }
  const Result changed = change_attributes(op.file->handle(), set, clear);
  if (changed.os_error != ERROR_ACCESS_DENIED) return changed;
  // A handle opened for reading only may not change attributes, but its user may. The object of the
  // handle is opened again, even if it is a link.
  UniqueHandle again;
  const Result opened = open_name(op.file->handle(), PathString(), kAccess, again);
  return opened.ok() ? change_attributes(again.get(), set, clear) : changed;
}

}  // namespace overlapped
