#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/xattr.h>
#elif defined(__APPLE__)
#include <copyfile.h>
#endif

#include <string_view>
#include <vector>

#include "metadata_keeper.h"
#include "system/copy.h"
#include "system_call.h"

namespace overlapped {

// EOVERFLOW means that the mount cannot represent the owner (notify_change() of Linux).
bool is_refusal(uint32_t error) {
  switch (error) {
    case EPERM:
    case EACCES:
    case EINVAL:
    case ENOSYS:
    case ENOTSUP:
#if EOPNOTSUPP != ENOTSUP
    case EOPNOTSUPP:
#endif
    case EOVERFLOW:
      return true;
    default:
      return false;
  }
}

namespace {

Result copy_owner(int to, const struct stat& status) {
  return result_of(::fchown(to, status.st_uid, status.st_gid));
}

// Copies the mode without the bits that let others run the file as an owner whom the copy lacks.
Result copy_mode(int to, const struct stat& status) {
  constexpr mode_t kPermissions = 07777;
  struct stat there {};
  if (::fstat(to, &there) != 0) return last_error();
  mode_t mode = status.st_mode & kPermissions;
  if (there.st_uid != status.st_uid) mode &= ~mode_t{S_ISUID};
  if (there.st_gid != status.st_gid) mode &= ~mode_t{S_ISGID};
  return result_of(::fchmod(to, mode));
}

Result copy_times(int to, const struct stat& status) {
#ifdef __APPLE__
  const timespec times[2] = {status.st_atimespec, status.st_mtimespec};
#else
  const timespec times[2] = {status.st_atim, status.st_mtim};
#endif
  return result_of(::futimens(to, times));
}

#ifdef __linux__

// Fills memory with a call that reports the size if it gets no memory, and fails with ERANGE if the
// data has grown since (listxattr(2)).
template <typename Call>
Result read_grown(std::vector<char>& memory, Call call) {
  for (;;) {
    const ssize_t size = call(nullptr, 0);
    if (size < 0) return last_error();
    memory.resize(static_cast<size_t>(size));
    if (size == 0) return Result::success(0);
    const ssize_t filled = call(memory.data(), memory.size());
    if (filled >= 0) {
      memory.resize(static_cast<size_t>(filled));
      return Result::success(filled);
    }
    if (errno != ERANGE) return last_error();
  }
}

Result copy_xattr(int from, int to, const char* name, std::vector<char>& value) {
  const Result read = read_grown(
      value, [&](char* data, size_t size) { return ::fgetxattr(from, name, data, size); });
  // The attribute was removed after they were listed.
  if (read.os_error == ENODATA) return Result::success(0);
  if (!read.ok()) return read;
  return result_of(::fsetxattr(to, name, value.data(), value.size(), 0));
}

// A new file may inherit an access list from its folder, and may thereby be open to users to whom
// the source is not.
Result drop_xattr(int to, const char* name) {
  if (::fremovexattr(to, name) == 0) return Result::success(0);
  return errno == ENODATA || errno == ENOTSUP ? Result::success(0) : last_error();
}

Result drop_access_lists(int to) {
  struct stat status {};
  if (::fstat(to, &status) != 0) return last_error();
  const Result result = drop_xattr(to, "system.posix_acl_access");
  if (!result.ok() || !S_ISDIR(status.st_mode)) return result;
  // The list that a folder gives to its own entries.
  return drop_xattr(to, "system.posix_acl_default");
}

// Copies every attribute that it can; the first error becomes the result.
Result copy_xattrs(int from, int to) {
  std::vector<char> names;
  const Result listed =
      read_grown(names, [&](char* data, size_t size) { return ::flistxattr(from, data, size); });
  // A file system without extended attributes has none to copy.
  if (!listed.ok() && listed.os_error != ENOTSUP) return listed;
  if (!listed.ok()) names.clear();
  std::vector<char> value;
  Result result = drop_access_lists(to);
  for (size_t at = 0; at < names.size(); at += std::string_view(&names[at]).size() + 1) {
    const Result copied = copy_xattr(from, to, &names[at], value);
    if (result.ok()) result = copied;
  }
  return result;
}

#elif defined(__APPLE__)

// Copies access control lists, too, and resource forks, which are attributes (copyfile(3)).
Result copy_xattrs(int from, int to) {
  return result_of(::fcopyfile(from, to, nullptr, COPYFILE_XATTR | COPYFILE_ACL));
}

#else

Result copy_xattrs(int, int) { return Result::failure(ENOTSUP); }

#endif

}  // namespace

Result copy_range(Operation& op) {
#ifdef __linux__
  for (;;) {
    loff_t from = op.file_offset;
    loff_t to = op.file_offset;
    const ssize_t copied =
        ::copy_file_range(op.source->handle(), &from, op.file->handle(), &to, op.length, 0);
    if (copied >= 0) return Result::success(copied);
    if (errno != EINTR) return last_error();
    if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
  }
#else
  (void)op;
  return Result::failure(ENOTSUP);
#endif
}

Result copy_metadata(Operation& op) {
  const int from = op.source->handle();
  struct stat status {};
  if (::fstat(from, &status) != 0) return last_error();
  uint32_t refused = 0;
  return copy_metadata(status, from, op.file->handle(), op.flags, refused);
}

Result copy_metadata(const struct stat& status, int from, int to, uint32_t flags,
                     uint32_t& refused) {
  MetadataKeeper keeper(flags, refused);
  // The owner is first, because changing it clears mode bits and capabilities (chown(2)).
  keeper.keep(kMetadataOwner, [&] { return copy_owner(to, status); });
  keeper.keep(kMetadataMode, [&] { return copy_mode(to, status); });
  keeper.keep(kMetadataXattrs, [&] { return copy_xattrs(from, to); });
  keeper.keep(kMetadataTimes, [&] { return copy_times(to, status); });
  return keeper.result();
}

}  // namespace overlapped
