#ifdef __linux__

#include "system/in_place.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <utility>

#include "file_status.h"
#include "linux_calls.h"
#include "system_call.h"
#include "uncached.h"

namespace overlapped {

namespace {

// Flags of an open that creates nothing, changes nothing and waits for nothing.
constexpr int kPlainFlags = O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY | O_NONBLOCK | O_LARGEFILE;
constexpr uint32_t kPlainOptions = kInheritable;

// The file that a path leads to, without opening it or querying its file system.
struct Look {
  Descriptor descriptor;
  int error;  // 0, or the error of the path
  struct statx status;
  FileSystem file_system;

  uint64_t device() const { return makedev(status.stx_dev_major, status.stx_dev_minor); }
};

// Whether an error is certain from the names that the kernel has cached. Any other error may come
// from the attempt itself.
bool is_answer(int error) {
  return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP ||
         error == ENAMETOOLONG;
}

// Follows the path through the kernel's cache of names (openat2(2), RESOLVE_CACHED). An O_PATH
// descriptor does not call the file system, as an open would.
int open_cached_path(const char* path, int flags, FileSystems& file_systems) {
  if (!file_systems.has_cached_paths) return -EAGAIN;
  open_how how{};
  how.flags = static_cast<uint64_t>(O_PATH | O_CLOEXEC | flags);
  how.resolve = RESOLVE_CACHED;
  const auto fd = static_cast<int>(::syscall(__NR_openat2, AT_FDCWD, path, &how, sizeof how));
  if (fd >= 0) return fd;
  const int error = errno;
  // The kernel is too old, or a seccomp filter rejects the call.
  if (error == ENOSYS || error == EINVAL || error == EPERM) {
    file_systems.has_cached_paths = false;
  }
  return -error;
}

// Returns false if the call would wait.
bool status_without_waiting(int fd, struct statx& status) {
  return get_statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_BTIME,
                   status) == 0;
}

Look look_at(const PathString& path, int flags, FileSystems& file_systems) {
  const int fd = open_cached_path(path.c_str(), flags, file_systems);
  Look look{Descriptor(fd), fd < 0 ? -fd : 0, {}, FileSystem::kUnknown};
  if (fd < 0) return look;
  if (!status_without_waiting(fd, look.status)) {
    look.error = EAGAIN;
  } else {
    look.file_system = file_systems.find(look.device());
  }
  return look;
}

// Ends an operation with the error of its path; returns false if that is not certain.
bool end_with_error(Operation& op, int error) {
  if (!is_answer(error)) return false;
  op.result = Result::failure(static_cast<uint32_t>(error));
  return true;
}

bool has_cached_status(FileSystem file_system) {
  return file_system == FileSystem::kLocal || file_system == FileSystem::kLayered;
}

bool stat_path(Operation& op, FileSystems& file_systems) {
  const int flags = op.opcode == Opcode::kLstatPath ? O_NOFOLLOW : 0;
  const Look look = look_at(op.detail->open.path, flags, file_systems);
  if (look.error != 0) return end_with_error(op, look.error);
  if (!has_cached_status(look.file_system)) return false;
  to_file_status(look.status, op.detail->status);
  op.result = Result::success(0);
  return true;
}

// Whether the process has capabilities, which access(2) does not use unless its user is root.
bool has_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(__NR_capget, &header, sets) != 0) return true;
  return sets[0].effective != 0 || sets[1].effective != 0;
}

// Whether access(2), which asks for the rights of the real user, follows a path as openat2() does.
bool has_real_rights() {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  gid_t real_group = 0;
  gid_t effective_group = 0;
  gid_t saved_group = 0;
  if (::getresuid(&real, &effective, &saved) != 0 || real != effective) return false;
  if (::getresgid(&real_group, &effective_group, &saved_group) != 0) return false;
  return real_group == effective_group && (real == 0 || !has_capabilities());
}

bool access_path(Operation& op, FileSystems& file_systems) {
  if (!has_real_rights()) return false;
  const Look look = look_at(op.detail->open.path, 0, file_systems);
  if (look.error != 0) return end_with_error(op, look.error);
  if (op.detail->open.mode == F_OK && has_cached_status(look.file_system)) {
    op.result = Result::success(0);
    return true;
  }
  if (look.file_system != FileSystem::kLocal) return false;
  const auto failed = ::syscall(__NR_faccessat2, look.descriptor.get(), "", op.detail->open.mode,
                                AT_EMPTY_PATH);
  // A kernel or a C library without the call reports another error.
  if (failed != 0 && errno != EACCES && errno != EROFS && errno != ETXTBSY) return false;
  op.result = failed == 0 ? Result::success(0) : Result::failure(static_cast<uint32_t>(errno));
  return true;
}

// Opens exactly the file that was looked at, wherever its path leads by now. O_NONBLOCK, because
// another process may hold a lease on it.
int open_seen(const Look& look, int flags, FileSystems& file_systems) {
  const int folder = file_systems.descriptors();
  if (folder < 0) return -1;
  char name[16] = {};
  std::to_chars(name, name + sizeof name - 1, look.descriptor.get());
  const int kept = O_NOFOLLOW | O_DIRECTORY;
  return ::openat(folder, name, (flags & ~kept) | O_RDONLY | O_NONBLOCK);
}

bool is_plain(const OpenRequest& request) {
  return (request.flags & ~kPlainFlags) == 0 && (request.options & ~kPlainOptions) == 0 &&
         request.preallocate == 0;
}

// Looks for a local regular file; no others are opened in place.
Look look_to_open(const OpenRequest& request, FileSystems& file_systems) {
  const int flags = request.flags & (O_NOFOLLOW | O_DIRECTORY);
  Look look = look_at(request.path, flags, file_systems);
  const bool is_file = look.error == 0 && S_ISREG(look.status.stx_mode);
  if (look.error == 0 && (!is_file || look.file_system != FileSystem::kLocal)) look.error = EAGAIN;
  return look;
}

bool open_path(Operation& op, FileSystems& file_systems) {
  const OpenRequest& request = op.detail->open;
  if (!is_plain(request)) return false;
  const Look look = look_to_open(request, file_systems);
  if (look.error != 0) return end_with_error(op, look.error);
  const int cloexec = request.options & kInheritable ? 0 : O_CLOEXEC;
  Descriptor fd(open_seen(look, request.flags | cloexec, file_systems));
  if (fd.get() < 0) return false;
  if (!(request.flags & O_NONBLOCK) && ::fcntl(fd.get(), F_SETFL, request.flags) != 0) return false;
  auto file = std::make_unique<OpenFile>(fd.release(), DeviceType::kDisk);
  file->nonblocking = (request.flags & O_NONBLOCK) != 0;
  file->reads_only = true;
  file->device = look.device();
  file->size_when_opened = static_cast<int64_t>(look.status.stx_size);
  file->file_system = look.file_system;
  op.detail->opened = std::move(file);
  op.result = Result::success(0);
  return true;
}

bool read_path(Operation& op, FileSystems& file_systems, std::byte* lent) {
  const OpenRequest& request = op.detail->open;
  if (!is_plain(request)) return false;
  const Look look = look_to_open(request, file_systems);
  if (look.error != 0) return end_with_error(op, look.error);
  if (look.status.stx_size >= kReadInPlaceMax) return false;
  const auto size = static_cast<size_t>(look.status.stx_size);
  const Descriptor fd(open_seen(look, O_CLOEXEC, file_systems));
  if (fd.get() < 0) return false;
  // One byte more than expected: a count that falls short of it proves the end of the file.
  std::unique_ptr<std::byte[]> content;
  if (!lent) content = std::make_unique_for_overwrite<std::byte[]>(size + 1);
  iovec vector{lent ? lent : content.get(), size + 1};
  if (std::cmp_not_equal(read_without_waiting(fd.get(), vector, 0), size)) return false;
  op.detail->content = std::move(content);
  op.detail->lent_content = lent;
  op.result = Result::success(static_cast<int64_t>(size));
  return true;
}

FileSystem file_system_of(OpenFile& file, FileSystems& file_systems) {
  find_file_system(file, file_systems);
  return file.file_system.load(std::memory_order_relaxed);
}

bool stat_file(Operation& op, FileSystems& file_systems) {
  struct statx status {};
  if (!has_cached_status(file_system_of(*op.file, file_systems))) return false;
  if (!status_without_waiting(op.file->handle(), status)) return false;
  to_file_status(status, op.details().status);
  op.result = Result::success(0);
  return true;
}

// Closes a file that was only read. If it no longer has a name, closing may free its content, which
// takes a while.
bool close_file(Operation& op, FileSystems& file_systems) {
  OpenFile& file = *op.file;
  if (!file.reads_only || file.device_type() != DeviceType::kDisk) return false;
  if (file_system_of(file, file_systems) != FileSystem::kLocal) return false;
  struct statx status {};
  if (!status_without_waiting(file.handle(), status) || status.stx_nlink == 0) return false;
  op.result = file.close();
  return true;
}

// Whether a short read of `count` bytes ended at the end of the file. The kernel finds whole pages
// in its cache, or none: a read that stops within one has met the end.
bool is_at_end(const Operation& op, int64_t position, int64_t count) {
  constexpr int64_t kPageSizeMin = 4096;
  if (count > 0 && position % kPageSizeMin != 0) return true;
  struct statx status {};
  return status_without_waiting(op.file->handle(), status) &&
         std::cmp_greater_equal(position, status.stx_size);
}

// A short count may mean that only a part was in the page cache. Even 0 proves nothing: Linux 5.9
// and 5.10 also return it before the end of the file (preadv2(2), BUGS).
bool read_at_position(Operation& op) {
  iovec vector{op.data, op.length};
  const OpenFile& file = *op.file;
  const ssize_t count =
      read_without_waiting(file.handle(), vector, op.file_offset, flags_of_transfers(file));
  if (count < 0) return false;
  const bool is_whole = std::cmp_equal(count, op.length);
  if (!is_whole && !is_at_end(op, op.file_offset + count, count)) return false;
  op.result = Result::success(count);
  return true;
}

// The cursor moves with the bytes, so bytes that were read count as read.
bool read_at_cursor(Operation& op) {
  const int fd = op.file->handle();
  iovec vector{op.data, op.length};
  const ssize_t count = read_without_waiting(fd, vector, -1, flags_of_transfers(*op.file));
  if (count < 0) return false;
  if (std::cmp_not_equal(count, op.length)) {
    const off_t position = ::lseek(fd, 0, SEEK_CUR);
    if (position < 0 || !is_at_end(op, position, count)) {
      op.transferred = static_cast<size_t>(count);
      return false;
    }
  }
  op.result = Result::success(count);
  return true;
}

bool read_file(Operation& op, FileSystems& file_systems, size_t read_max) {
  const OpenFile& file = *op.file;
  if (op.length == 0 || op.length > read_max) return false;
  if (file.unbuffered || !file.is_disk() || file.caching == Caching::kAdvised) return false;
  if (file.device_type() != DeviceType::kBlock &&
      file_system_of(*op.file, file_systems) != FileSystem::kLocal) {
    return false;
  }
  return op.file_offset < 0 ? read_at_cursor(op) : read_at_position(op);
}

}  // namespace

void find_file_system(OpenFile& file, FileSystems& file_systems) {
  if (file.device == 0) return;
  if (file.file_system.load(std::memory_order_relaxed) != FileSystem::kUnknown) return;
  file.file_system.store(file_systems.find(file.device), std::memory_order_relaxed);
}

bool may_be_done_in_place(const Operation& operation) {
  switch (operation.opcode) {
    case Opcode::kStat:
    case Opcode::kStatPath:
    case Opcode::kLstatPath:
    case Opcode::kAccessPath:
    case Opcode::kOpen:
    case Opcode::kReadPath:
    case Opcode::kClose:
    case Opcode::kRead:
      return true;
    default:
      return false;
  }
}

bool try_in_place(Operation& operation, FileSystems& file_systems, const InPlaceOptions& options) {
  switch (operation.opcode) {
    case Opcode::kRead:
      return read_file(operation, file_systems, options.read_max);
    case Opcode::kStat:
      return stat_file(operation, file_systems);
    case Opcode::kStatPath:
    case Opcode::kLstatPath:
      return stat_path(operation, file_systems);
    case Opcode::kAccessPath:
      return access_path(operation, file_systems);
    case Opcode::kOpen:
      return open_path(operation, file_systems);
    case Opcode::kReadPath:
      return read_path(operation, file_systems, options.lent);
    case Opcode::kClose:
      return close_file(operation, file_systems);
    default:
      return false;
  }
}

}  // namespace overlapped

#endif
