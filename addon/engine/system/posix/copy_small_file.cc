#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "system/copy.h"
#include "system/copy_small_file.h"

namespace overlapped {

namespace {

constexpr size_t kBufferMin = 64 * 1024;
constexpr size_t kBufferMax = 256 * 1024;
constexpr mode_t kPermissions = 0777;
constexpr mode_t kOwnerPermissions = 0700;

Result last_error() { return Result::failure(static_cast<uint32_t>(errno)); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Some file systems say only here that a write has failed.
  Result close() {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 || ::close(fd) == 0 || errno == EINTR ? Result::success(0) : last_error();
  }

 private:
  int fd_;
};

// Repeats a call that a signal interrupted, unless the operation is to end.
template <typename Call>
Result repeat_interrupted(const Operation& op, Call call) {
  for (;;) {
    if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
    const auto value = call();
    if (value >= 0) return Result::success(static_cast<int64_t>(value));
    if (errno != EINTR) return last_error();
  }
}

Result write_all(const Operation& op, int to, const std::byte* data, size_t length) {
  for (size_t written = 0; written < length;) {
    const Result result =
        repeat_interrupted(op, [&] { return ::write(to, data + written, length - written); });
    if (!result.ok()) return result;
    written += static_cast<size_t>(result.value);
  }
  return Result::success(0);
}

// To the end, wherever that is by now.
Result copy_content(const Operation& op, int from, int to, size_t size) {
  // One byte more than there should be: a short read is the end. Files that report no size, as
  // those of /proc and FUSE, may give their content to the first read alone.
  const size_t room = std::clamp(size + 1, kBufferMin, kBufferMax);
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(room);
  for (int64_t copied = 0;;) {
    const Result read = repeat_interrupted(op, [&] { return ::read(from, buffer.get(), room); });
    if (!read.ok()) return read;
    if (read.value == 0) return Result::success(copied);
    const auto length = static_cast<size_t>(read.value);
    const Result written = write_all(op, to, buffer.get(), length);
    if (!written.ok()) return written;
    copied += read.value;
  }
}

timespec changed_at(const struct stat& status) {
#ifdef __APPLE__
  return status.st_mtimespec;
#else
  return status.st_mtim;
#endif
}

bool is_same(const struct stat& a, const struct stat& b) {
  const timespec one = changed_at(a);
  const timespec other = changed_at(b);
  return a.st_size == b.st_size && one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

Result fill(Operation& op, int from, const struct stat& status, Descriptor& to) {
  const Result copied = copy_content(op, from, to.get(), static_cast<size_t>(status.st_size));
  if (!copied.ok()) return copied;
  struct stat after {};
  if (::fstat(from, &after) != 0) return last_error();
  if (!is_same(status, after)) return Result::success(kSourceChanged);
  // With the times from before its content was read: if somebody writes to it meanwhile, they show
  // that this is no copy of what it is then.
  const Result kept = copy_metadata(status, from, to.get(), op.flags, op.detail->refused_parts);
  if (!kept.ok()) return kept;
  const Result closed = to.close();
  return closed.ok() ? copied : closed;
}

}  // namespace

Result copy_small_file(Operation& op) {
  const OperationDetail& paths = *op.detail;
  struct stat status {};
  // What somebody has put in its place meanwhile is neither followed nor waited for.
  const Result opened = repeat_interrupted(op, [&] {
    return ::open(paths.open.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  });
  if (!opened.ok()) return opened;
  const Descriptor from(static_cast<int>(opened.value));
  if (::fstat(from.get(), &status) != 0) return last_error();
  if (!S_ISREG(status.st_mode)) return Result::failure(EINVAL);
  // Until it has its owner nobody else may read it.
  const bool changes_owner = (op.flags & kMetadataOwner) != 0;
  const mode_t mode = status.st_mode & (changes_owner ? kOwnerPermissions : kPermissions);
  const char* const temporary = paths.second_path.c_str();
  const Result made = repeat_interrupted(op, [&] {
    return ::open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode | S_IWUSR);
  });
  if (!made.ok()) return made;
  Descriptor to(static_cast<int>(made.value));
  Result result = fill(op, from.get(), status, to);
  const bool is_whole = result.ok() && result.value != kSourceChanged;
  if (is_whole && ::rename(temporary, paths.third_path.c_str()) != 0) result = last_error();
  if (!is_whole || !result.ok()) ::unlink(temporary);
  return result;
}

}  // namespace overlapped
