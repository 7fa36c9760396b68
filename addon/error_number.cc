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
  return uv::translate_error(result.os_error);
}

}  // namespace overlapped
