#include "error_number.h"

#include "libuv.h"

namespace overlapped {

namespace {

// UV_EBADF, UV_EPIPE and UV_EINVAL of uv/errno.h, which have numbers of libuv's own on Windows.
#ifdef _WIN32
constexpr int kBadDescriptorNumber = -4083;
constexpr int kBrokenPipeNumber = -4047;
constexpr int kInvalidArgumentNumber = -4071;
#else
constexpr int kBadDescriptorNumber = -EBADF;
constexpr int kBrokenPipeNumber = -EPIPE;
constexpr int kInvalidArgumentNumber = -EINVAL;
#endif

#ifdef _WIN32

// Newer than the headers of MinGW.
constexpr uint32_t kDataChecksumError = 323;         // ERROR_DATA_CHECKSUM_ERROR
constexpr uint32_t kDiskQuotaExceeded = 1295;        // ERROR_DISK_QUOTA_EXCEEDED
constexpr uint32_t kReparsePointEncountered = 4395;  // ERROR_REPARSE_POINT_ENCOUNTERED

constexpr int kMediumErrorNumber = -4070;     // UV_EIO
constexpr int kLoopNumber = -4067;            // UV_ELOOP
constexpr int kNoMemoryNumber = -4057;        // UV_ENOMEM
constexpr int kNoSpaceNumber = -4055;         // UV_ENOSPC
constexpr int kNotImplementedNumber = -4054;  // UV_ENOSYS
constexpr int kTooManyLinksNumber = -4032;    // UV_EMLINK

// Errors that libuv has no number for. 0 for others.
int number_unknown_to_libuv(uint32_t error) {
  switch (error) {
    case ERROR_SECTOR_NOT_FOUND:
    case ERROR_READ_FAULT:
    case ERROR_WRITE_FAULT:
    case ERROR_FILE_CORRUPT:
    case ERROR_DISK_OPERATION_FAILED:
    case ERROR_DISK_RECALIBRATE_FAILED:
    case ERROR_DISK_RESET_FAILED:
    case kDataChecksumError:
      return kMediumErrorNumber;
    // A directory has become a link since it was opened.
    case kReparsePointEncountered:
      return kLoopNumber;
    case ERROR_NOT_A_REPARSE_POINT:
      return kInvalidArgumentNumber;
    case ERROR_TOO_MANY_LINKS:
      return kTooManyLinksNumber;
    case kDiskQuotaExceeded:
      return kNoSpaceNumber;
    case ERROR_CALL_NOT_IMPLEMENTED:
      return kNotImplementedNumber;
    case ERROR_INVALID_USER_BUFFER:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_WORKING_SET_QUOTA:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_COMMITMENT_LIMIT:
      return kNoMemoryNumber;
    default:
      return 0;
  }
}

#else

int number_unknown_to_libuv(uint32_t) { return 0; }

#endif

}  // namespace

int error_number(const Result& result) {
  switch (result.meaning) {
    case ErrorMeaning::kBadDescriptor:
      return kBadDescriptorNumber;
    case ErrorMeaning::kBrokenPipe:
      return kBrokenPipeNumber;
    case ErrorMeaning::kInvalidArgument:
      return kInvalidArgumentNumber;
    case ErrorMeaning::kOfSystem:
      break;
  }
  const int number = number_unknown_to_libuv(result.os_error);
  return number != 0 ? number : uv::translate_error(result.os_error);
}

}  // namespace overlapped
