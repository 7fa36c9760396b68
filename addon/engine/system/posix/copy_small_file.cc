#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "system/copy.h"
#include "system/copy_small_file.h"
#include "system_call.h"

namespace overlapped {

namespace {

constexpr size_t kBufferMin = 64 * 1024;
constexpr size_t kBufferMax = 256 * 1024;
constexpr mode_t kPermissions = 0777;
constexpr mode_t kForMakerAlone = 0600;
constexpr uint32_t kKeepsMode = kMetadataOwner | kMetadataMode;

Result write_all(const Operation& op, int to, const std::byte* data, size_t length) {
  for (size_t written = 0; written < length;) {
    const Result result =
        repeat_interrupted(op, [&] { return ::write(to, data + written, length - written); });
    if (!result.ok()) return result;
    written += static_cast<size_t>(result.value);
  }
  return Result::success(0);
}

// Copies up to the end of the file, even if it has grown.
Result copy_content(const Operation& op, int from, int to, size_t size) {
  // One byte more than expected: a short read is then the end. Files that report no size, such as
  // those of /proc and FUSE, may return their content only to the first read.
  const size_t room = std::clamp(size + 1, kBufferMin, kBufferMax);
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(room);
  for (int64_t copied = 0;;) {
    if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
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

// Takes away the write permission that a new file has while it is filled. If the file system
// refuses that, the copy stays writable.
void make_read_only(int to) {
  struct stat status {};
  if (::fstat(to, &status) == 0) (void)::fchmod(to, status.st_mode & kPermissions & ~S_IWUSR);
}

// Copies the content, then the metadata.
Result fill(Operation& op, int from, const struct stat& status, int to) {
  const Result copied = copy_content(op, from, to, static_cast<size_t>(status.st_size));
  if (!copied.ok()) return copied;
  struct stat after {};
  if (::fstat(from, &after) != 0) return last_error();
  if (!is_same(status, after)) return Result::success(kSourceChanged);
  // Keeps the times from before the content was read: if the source is written to meanwhile, they
  // show that the copy is not up to date.
  const bool is_read_only = (status.st_mode & S_IWUSR) == 0;
  if (is_read_only && (op.flags & kKeepsMode) == 0) make_read_only(to);
  const Result kept = copy_metadata(status, from, to, op.flags, op.detail->refused_parts);
  return kept.ok() ? copied : kept;
}

// Locks the new file. A process that cleans up the remains of others locks a file before it removes
// it, and may do so before the creator has the lock.
Result claim(int fd) {
#ifdef F_OFD_SETLK
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  // On a file system without locks, no process removes files based on them.
  if (::fcntl(fd, F_OFD_SETLK, &whole) != 0) {
    return errno == EAGAIN || errno == EACCES ? Result::failure(EEXIST) : Result::success(0);
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0) return last_error();
  return status.st_nlink > 0 ? Result::success(0) : Result::failure(EEXIST);
#else
  (void)fd;
  return Result::success(0);
#endif
}

// Closes the new file, because that may report a failed write, and gives it its name. A second
// descriptor keeps the lock meanwhile.
Result give_name(Operation& op, Descriptor& to) {
  const Descriptor lock(::fcntl(to.get(), F_DUPFD_CLOEXEC, 0));
  if (!lock.valid()) return last_error();
  const Result closed = to.close();
  if (!closed.ok()) return closed;
  const int directory = op.file->handle();
  return result_of(::renameat(directory, op.detail->second_path.c_str(), directory,
                              op.detail->third_path.c_str()));
}

Result copy_to_new_file(Operation& op, int from, const struct stat& status, Descriptor& to) {
  const Result claimed = claim(to.get());
  if (!claimed.ok()) return claimed;
  const Result filled = fill(op, from, status, to.get());
  if (!filled.ok() || filled.value == kSourceChanged) return filled;
  // Some file systems report failed writes only when the file is closed.
  if ((op.flags & kLeaveUnnamed) != 0) {
    const Result closed = to.close();
    return closed.ok() ? filled : closed;
  }
  const Result named = give_name(op, to);
  return named.ok() ? filled : named;
}

}  // namespace

Result copy_small_file(Operation& op) {
  // If the source has been replaced meanwhile, it is neither followed nor waited for.
  const Result opened = repeat_interrupted(op, [&] {
    return ::openat(op.source->handle(), op.detail->open.path.c_str(),
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  });
  if (!opened.ok()) return opened;
  const Descriptor from(static_cast<int>(opened.value));
  struct stat status {};
  if (::fstat(from.get(), &status) != 0) return last_error();
  if (!S_ISREG(status.st_mode)) return Result::failure(EINVAL);
  const bool gets_mode_later = (op.flags & kKeepsMode) != 0;
  const mode_t mode = gets_mode_later ? kForMakerAlone : (status.st_mode & kPermissions) | S_IWUSR;
  const char* const name = op.detail->second_path.c_str();
  const int directory = op.file->handle();
  const Result made = repeat_interrupted(op, [&] {
    return ::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  });
  if (!made.ok()) return made;
  Descriptor to(static_cast<int>(made.value));
  const Result result = copy_to_new_file(op, from.get(), status, to);
  if (!result.ok() || result.value == kSourceChanged) ::unlinkat(directory, name, 0);
  return result;
}

}  // namespace overlapped
