#include "windows_io.h"

// Must follow windows.h, which it does not include itself.
#include <winioctl.h>

#include <algorithm>

#include "system/copy.h"

namespace overlapped {

namespace {

// Declared by Windows 10 and Windows 8 (winioctl.h); older headers have neither.
constexpr DWORD kDuplicateExtents =
    CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 209, METHOD_BUFFERED, FILE_WRITE_DATA);
constexpr DWORD kGetIntegrity =
    CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 159, METHOD_BUFFERED, FILE_ANY_ACCESS);

// DUPLICATE_EXTENTS_DATA
struct DuplicateExtents {
  HANDLE source = nullptr;
  LARGE_INTEGER source_offset{};
  LARGE_INTEGER target_offset{};
  LARGE_INTEGER bytes{};
};

// FSCTL_GET_INTEGRITY_INFORMATION_BUFFER
struct Integrity {
  WORD checksum_algorithm = 0;
  WORD reserved = 0;
  DWORD flags = 0;
  DWORD checksum_chunk_size = 0;
  DWORD cluster_size = 0;
};

// A single call accepts less than 4 GiB (FSCTL_DUPLICATE_EXTENTS_TO_FILE, Remarks). This is a
// multiple of every cluster size.
constexpr int64_t kCloneMax = int64_t{1} << 31;

Result set_size(HANDLE handle, int64_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = size;
  return result_of(SetFileInformationByHandle(handle, FileEndOfFileInfo, &end, sizeof end));
}

// The clone of a sparse file must be sparse too (FSCTL_DUPLICATE_EXTENTS_TO_FILE, Remarks).
Result copy_sparse(HANDLE from, HANDLE to) {
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(from, FileBasicInfo, &basic, sizeof basic)) {
    return last_error();
  }
  if (!(basic.FileAttributes & FILE_ATTRIBUTE_SPARSE_FILE)) return Result::success(0);
  FILE_SET_SPARSE_BUFFER wanted{};
  wanted.SetSparse = TRUE;
  return control_device(to, FSCTL_SET_SPARSE, {&wanted, sizeof wanted}, {});
}

Result clone_extents(HANDLE from, HANDLE to, int64_t size, int64_t cluster) {
  for (int64_t at = 0; at < size; at += kCloneMax) {
    const int64_t left = std::min(kCloneMax, size - at);
    DuplicateExtents extents;
    extents.source = from;
    extents.source_offset.QuadPart = at;
    extents.target_offset.QuadPart = at;
    // The last cluster is shared as a whole.
    extents.bytes.QuadPart = (left + cluster - 1) / cluster * cluster;
    const Result cloned = control_device(to, kDuplicateExtents, {&extents, sizeof extents}, {});
    if (!cloned.ok()) return cloned;
  }
  return Result::success(0);
}

}  // namespace

// Works on ReFS, including Dev Drives. No other file system reports its cluster size through
// FSCTL_GET_INTEGRITY_INFORMATION, so the others fail at once.
Result clone_file(Operation& op) {
  const HANDLE from = op.source->handle();
  const HANDLE to = op.file->handle();
  Integrity integrity;
  Result result = control_device(from, kGetIntegrity, {}, {&integrity, sizeof integrity});
  if (!result.ok()) return result;
  if (integrity.cluster_size == 0) return Result::failure(ERROR_NOT_SUPPORTED);
  LARGE_INTEGER size{};
  if (!GetFileSizeEx(from, &size)) return last_error();
  result = copy_sparse(from, to);
  if (result.ok()) result = set_size(to, size.QuadPart);
  if (!result.ok()) return result;
  result = clone_extents(from, to, size.QuadPart, integrity.cluster_size);
  if (!result.ok()) (void)set_size(to, 0);
  return result;
}

// Not supported: CopyFile2 takes paths and creates its destination itself.
Result copy_range(Operation&) { return Result::failure(ERROR_NOT_SUPPORTED); }

Result copy_metadata(Operation& op) {
  if (op.flags & ~static_cast<uint32_t>(kMetadataTimes)) {
    return Result::failure(ERROR_NOT_SUPPORTED);
  }
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(op.source->handle(), FileBasicInfo, &basic, sizeof basic)) {
    return last_error();
  }
  // Zero fields stay unchanged (FILE_BASIC_INFO): the attributes and their change time.
  basic.ChangeTime.QuadPart = 0;
  basic.FileAttributes = 0;
  return result_of(
      SetFileInformationByHandle(op.file->handle(), FileBasicInfo, &basic, sizeof basic));
}

Result compare_xattrs(Operation&) { return Result::failure(ERROR_NOT_SUPPORTED); }

}  // namespace overlapped
