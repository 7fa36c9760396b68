#include "error_number.h"

#include "libuv.h"

namespace overlapped {

namespace {

// UV_EBADF and UV_EPIPE of uv/errno.h, which have numbers of libuv's own on Windows.
#ifdef _WIN32
constexpr int kBadDescriptorNumber = -4083;
constexpr int kBrokenPipeNumber = -4047;
#else
constexpr int kBadDescriptorNumber = -EBADF;
constexpr int kBrokenPipeNumber = -EPIPE;
#endif

}  // namespace

int error_number(const Result& result) {
  switch (result.meaning) {
    case ErrorMeaning::kBadDescriptor:
      return kBadDescriptorNumber;
    case ErrorMeaning::kBrokenPipe:
      return kBrokenPipeNumber;
    case ErrorMeaning::kOfSystem:
      break;
  }
  return uv::translate_error(result.os_error);
}

}  // namespace overlapped
