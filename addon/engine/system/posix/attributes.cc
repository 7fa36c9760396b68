#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "system/attributes.h"
#include "system_call.h"

#ifdef __linux__
#include "linux_calls.h"
#endif

// POSIX has few of the attributes that Windows has; they are derived from other facts of a file.
namespace overlapped {

namespace {

// FILE_ATTRIBUTE_* of Windows.
constexpr uint32_t kReadOnly = 0x1;
constexpr uint32_t kDirectory = 0x10;
constexpr uint32_t kNormal = 0x80;
constexpr uint32_t kSparse = 0x200;
constexpr uint32_t kReparsePoint = 0x400;
#ifdef __linux__
constexpr uint32_t kCompressed = 0x800;
constexpr uint32_t kEncrypted = 0x4000;
#endif
constexpr mode_t kAnyWrite = S_IWUSR | S_IWGRP | S_IWOTH;
// The unit of st_blocks (stat(2)).
constexpr int64_t kStatBlockSize = 512;

bool is_by_path(const Operation& op) {
  return op.opcode == Opcode::kGetAttributesPath || op.opcode == Opcode::kSetAttributesPath;
}

Result status_of(const Operation& op, struct stat& status) {
  if (!is_by_path(op)) return ::fstat(op.file->handle(), &status) == 0 ? Result{} : last_error();
  const OpenRequest& request = op.detail->open;
  const int flags = request.options & kOfLink ? AT_SYMLINK_NOFOLLOW : 0;
  const int failed = ::fstatat(AT_FDCWD, request.path.c_str(), &status, flags);
  return failed == 0 ? Result{} : last_error();
}

// Attributes that only some file systems report (statx(2), STATX_ATTR_*).
uint32_t more_bits([[maybe_unused]] const Operation& op) {
  uint32_t bits = 0;
#ifdef __linux__
  const bool by_path = is_by_path(op);
  int flags = by_path ? 0 : AT_EMPTY_PATH;
  if (by_path && (op.detail->open.options & kOfLink)) flags |= AT_SYMLINK_NOFOLLOW;
  struct statx extended {};
  if (get_statx(by_path ? AT_FDCWD : op.file->handle(),
                by_path ? op.detail->open.path.c_str() : "", flags, 0, extended) != 0) {
    return 0;
  }
  const auto known = extended.stx_attributes & extended.stx_attributes_mask;
  if (known & STATX_ATTR_COMPRESSED) bits |= kCompressed;
  if (known & STATX_ATTR_ENCRYPTED) bits |= kEncrypted;
#endif
  return bits;
}

}  // namespace

Result get_attributes(Operation& op) {
  struct stat status {};
  const Result found = status_of(op, status);
  if (!found.ok()) return found;
  FileAttributes& attributes = op.details().attributes;
  attributes.allocated = static_cast<int64_t>(status.st_blocks) * kStatBlockSize;
  uint32_t bits = more_bits(op);
  if (!(status.st_mode & kAnyWrite)) bits |= kReadOnly;
  if (S_ISDIR(status.st_mode)) bits |= kDirectory;
  if (S_ISLNK(status.st_mode)) bits |= kReparsePoint;
  // Whole blocks are missing, and compression does not explain it.
  const bool is_short = attributes.allocated + status.st_blksize <= status.st_size;
  if (S_ISREG(status.st_mode) && is_short && !bits) bits |= kSparse;
  attributes.bits = bits ? bits : kNormal;
  return Result::success(0);
}

// Only the read-only attribute can be set here, as permission bits: nobody may write, or the owner
// may.
Result set_attributes(Operation& op) {
  struct stat status {};
  const Result found = status_of(op, status);
  if (!found.ok()) return found;
  mode_t mode = status.st_mode & 07777;
  if (op.flags & kReadOnly) mode &= ~kAnyWrite;
  if ((op.length & kReadOnly) && !(mode & kAnyWrite)) mode |= S_IWUSR;
  if (mode == (status.st_mode & 07777)) return Result::success(0);
  if (is_by_path(op)) {
    const OpenRequest& request = op.detail->open;
    const int flags = request.options & kOfLink ? AT_SYMLINK_NOFOLLOW : 0;
    const int failed = ::fchmodat(AT_FDCWD, request.path.c_str(), mode, flags);
    return failed == 0 ? Result::success(0) : last_error();
  }
  if (::fchmod(op.file->handle(), mode) == 0) return Result::success(0);
#ifdef O_PATH
  // fchmod() rejects O_PATH descriptors (open(2)), but accepts the name behind them.
  if (errno == EBADF) {
    const std::string name = "/proc/self/fd/" + std::to_string(op.file->handle());
    if (::chmod(name.c_str(), mode) == 0) return Result::success(0);
  }
#endif
  return last_error();
}

}  // namespace overlapped
