#include "disk_facts.h"

// Must follow windows.h, which it does not include itself.
#include <winioctl.h>

#include <algorithm>

#include "native_calls.h"
#include "windows_io.h"

namespace overlapped {

namespace {

// The assumed sector size of a device that reports none; it suits disks of 512 and of 4096 bytes.
constexpr DWORD kDeviceSectorSize = 4096;
constexpr DWORD kFileSectorSize = 512;

// Wine reports no file type for its drives.
bool is_drive(HANDLE handle) {
  DISK_GEOMETRY geometry{};
  return query_device(handle, IOCTL_DISK_GET_DRIVE_GEOMETRY, &geometry, sizeof geometry).ok();
}

}  // namespace

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
  // A drive opened as a device also has the type disk, but no attributes.
  FILE_BASIC_INFO basic{};
  if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic)) {
    return DeviceType::kBlock;
  }
  return basic.FileAttributes & FILE_ATTRIBUTE_DIRECTORY ? DeviceType::kDirectory
                                                         : DeviceType::kDisk;
}

namespace {

// FILE_FS_SIZE_INFORMATION, which only the driver headers declare.
struct VolumeSize {
  LARGE_INTEGER clusters{};
  LARGE_INTEGER free_clusters{};
  ULONG sectors_per_cluster = 0;
  ULONG bytes_per_sector = 0;
};

DWORD volume_sector_size(HANDLE handle) {
  VolumeSize size;
  IO_STATUS_BLOCK block{};
  const NTSTATUS status = native_calls().query_volume(handle, &block, &size, sizeof size,
                                                      kNativeVolumeSizeInformation);
  return status >= 0 && size.bytes_per_sector > 0 ? size.bytes_per_sector : kFileSectorSize;
}

DWORD device_sector_size(HANDLE handle) {
  DISK_GEOMETRY geometry{};
  const Result queried =
      query_device(handle, IOCTL_DISK_GET_DRIVE_GEOMETRY, &geometry, sizeof geometry);
  return queried.ok() && geometry.BytesPerSector > 0 ? geometry.BytesPerSector : kDeviceSectorSize;
}

// By default a volume rejects access beyond the end of its file system, where the last sectors of a
// partition lie (FSCTL_ALLOW_EXTENDED_DASD_IO). Drives and other devices do not know the request.
void allow_whole_volume(HANDLE handle) {
  (void)query_device(handle, FSCTL_ALLOW_EXTENDED_DASD_IO, nullptr, 0);
}

}  // namespace

int64_t size_of_device(HANDLE handle) {
  allow_whole_volume(handle);
  GET_LENGTH_INFORMATION length{};
  const Result queried = query_device(handle, IOCTL_DISK_GET_LENGTH_INFO, &length, sizeof length);
  return queried.ok() ? length.Length.QuadPart : 0;
}

// Positions and lengths must be whole logical sectors. Buffers "should be" aligned to the physical
// sector, which "may not be enforced" (File Buffering, Win32 documentation).
Alignment alignment_of(HANDLE handle, DeviceType device_type) {
  DWORD logical = 0;
  DWORD physical = 0;
  FILE_STORAGE_INFO storage{};
  if (GetFileInformationByHandleEx(handle, FileStorageInfo, &storage, sizeof storage)) {
    logical = storage.LogicalBytesPerSector;
    physical = storage.PhysicalBytesPerSectorForAtomicity;
  }
  if (logical == 0) {
    logical =
        device_type == DeviceType::kBlock ? device_sector_size(handle) : volume_sector_size(handle);
  }
  DWORD memory = std::max(logical, physical);
  // The device reports its own requirement as a mask: one less than a power of two.
  FILE_ALIGNMENT_INFO device{};
  if (GetFileInformationByHandleEx(handle, FileAlignmentInfo, &device, sizeof device)) {
    memory = std::max<DWORD>(memory, device.AlignmentRequirement + 1);
  }
  return Alignment{logical, logical, memory};
}

namespace {

Result set_end_of_file(HANDLE handle, int64_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = size;
  return result_of(SetFileInformationByHandle(handle, FileEndOfFileInfo, &end, sizeof end));
}

// For file systems without a call to allocate: growing and shrinking the file at least proves that
// there is room, although the space is not kept.
Result allocate_by_growing(HANDLE handle, int64_t size, int64_t wanted) {
  const Result grown = set_end_of_file(handle, wanted);
  if (!grown.ok()) return grown;
  return set_end_of_file(handle, size);
}

}  // namespace

Result preallocate(HANDLE handle, int64_t wanted) {
  LARGE_INTEGER size{};
  if (!GetFileSizeEx(handle, &size)) return last_error();
  // An allocation smaller than the file would truncate it.
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

}  // namespace overlapped
