#pragma once

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "operation.h"

// Helpers that most operations need around a system call.
namespace overlapped {

inline Result last_error() { return Result::failure(static_cast<uint32_t>(errno)); }

inline Result result_of(int returned) { return returned == 0 ? Result::success(0) : last_error(); }

// Repeats a call that a signal interrupted, unless the operation should end.
template <typename Call>
Result repeat_interrupted(const Operation& operation, Call call) {
  for (;;) {
    const auto value = call();
    if (value >= 0) return Result::success(static_cast<int64_t>(value));
    if (errno != EINTR) return last_error();
    if (operation.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
  }
}

#ifdef __linux__
// A path that leads to the file behind a descriptor, for calls that reject O_PATH descriptors.
struct DescriptorPath {
  explicit DescriptorPath(int fd) { std::snprintf(text, sizeof text, "/proc/self/fd/%d", fd); }
  char text[32];
};
#endif

// Owns a descriptor and closes it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { (void)close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void reset(int fd) {
    (void)close();
    fd_ = fd;
  }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  // Some file systems report a failed write only on close.
  Result close() {
    const int fd = release();
    return fd < 0 || ::close(fd) == 0 || errno == EINTR ? Result::success(0) : last_error();
  }

 private:
  int fd_ = -1;
};

}  // namespace overlapped
