#pragma once

#include <cstdint>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <cerrno>
#endif

namespace overlapped {

#ifdef _WIN32
inline constexpr uint32_t kCancelledError = ERROR_OPERATION_ABORTED;
inline constexpr uint32_t kBadHandleError = ERROR_INVALID_HANDLE;
inline constexpr uint32_t kInvalidArgumentError = ERROR_INVALID_PARAMETER;
inline constexpr uint32_t kNoMemoryError = ERROR_NOT_ENOUGH_MEMORY;
inline constexpr uint32_t kNoThreadError = ERROR_NOT_ENOUGH_MEMORY;
#else
inline constexpr uint32_t kCancelledError = ECANCELED;
inline constexpr uint32_t kBadHandleError = EBADF;
inline constexpr uint32_t kInvalidArgumentError = EINVAL;
inline constexpr uint32_t kNoMemoryError = ENOMEM;
inline constexpr uint32_t kNoThreadError = EAGAIN;  // as pthread_create() says
#endif

// The meaning of an error if its number is ambiguous: Windows has one number for a file without
// access and for a handle that lacks a right.
enum class ErrorMeaning : uint8_t {
  kOfSystem,         // what the system's number means
  kBadDescriptor,    // EBADF: the handle was not opened for this
  kBrokenPipe,       // EPIPE: nobody reads the pipe
  kInvalidArgument,  // EINVAL: the object is not of the kind that the operation is for
};

// The result of one operation: a count (bytes, or 0), or the error of the operating system (errno
// on POSIX, GetLastError() on Windows). The binding maps it to Node's codes; the engine never names
// them.
struct Result {
  int64_t value = 0;
  uint32_t os_error = 0;
  ErrorMeaning meaning = ErrorMeaning::kOfSystem;

  static Result success(int64_t value) { return Result{value, 0}; }
  static Result failure(uint32_t os_error, ErrorMeaning meaning = ErrorMeaning::kOfSystem) {
    return Result{0, os_error, meaning};
  }
  static Result cancelled() { return Result{0, kCancelledError}; }

  bool ok() const { return os_error == 0; }
};

}  // namespace overlapped
