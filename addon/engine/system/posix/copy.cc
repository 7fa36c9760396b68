#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access_list.h"
#include "metadata_keeper.h"
#include "system/copy.h"
#include "system_call.h"
#include "xattrs.h"

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

// ENOSPC may mean a full inode (setxattr(2)); a full disk fails content writes as well.
bool is_refusal_of(uint32_t part, uint32_t error) {
  const bool is_about_size = error == E2BIG || error == ENOSPC || error == ERANGE;
  return is_refusal(error) || (part == kMetadataXattrs && is_about_size);
}

namespace {

Result copy_owner(int to, const struct stat& status) {
  return result_of(::fchown(to, status.st_uid, status.st_gid));
}

// Copies the mode without the bits that let others run the file as an owner whom the copy lacks,
// and the access control list that says what the group bits mean.
Result copy_mode(int from, int to, const struct stat& status) {
  constexpr mode_t kPermissions = 07777;
  struct stat there {};
  if (::fstat(to, &there) != 0) return last_error();
  mode_t mode = status.st_mode & kPermissions;
  if (there.st_uid != status.st_uid) mode &= ~mode_t{S_ISUID};
  if (there.st_gid != status.st_gid) mode &= ~mode_t{S_ISGID};
  AccessList list = AccessList::of(from);
  // Without rights for others, nobody gets any by a list. The copy only keeps one that it has got
  // with the extended attributes.
  const bool is_private = (mode & (S_IRWXG | S_IRWXO)) == 0;
  if (is_private && AccessList::of(to) != list) list = AccessList();
  return set_mode_and_list(to, list, mode,
                           [&](mode_t next) { return result_of(::fchmod(to, next)); });
}

Result copy_times(int to, const struct stat& status) {
#ifdef __APPLE__
  const timespec times[2] = {status.st_atimespec, status.st_mtimespec};
#else
  const timespec times[2] = {status.st_atim, status.st_mtim};
#endif
  return result_of(::futimens(to, times));
}

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
  // The owner of a read-only file may not change its attributes (xattr(7)).
  keeper.keep(kMetadataXattrs, [&] { return copy_xattrs(from, to, flags); });
  keeper.keep(kMetadataMode, [&] { return copy_mode(from, to, status); });
  keeper.keep(kMetadataTimes, [&] { return copy_times(to, status); });
  return keeper.result();
}

}  // namespace overlapped
