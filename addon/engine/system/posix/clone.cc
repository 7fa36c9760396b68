#include <cerrno>

#include "system/copy.h"
#include "system_call.h"

#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#elif defined(__APPLE__)
#include <fcntl.h>
#include <sys/clonefile.h>
#include <sys/param.h>
#include <sys/stat.h>
#if __has_include(<sys/xattr.h>)
#include <sys/xattr.h>
#else
// Compilers for other systems lack this header of Apple's.
#include <sys/types.h>
extern "C" {
ssize_t flistxattr(int fd, char* names, size_t size, int options);
int fremovexattr(int fd, const char* name, int options);
}
#endif

#include <cstdint>
#include <string>
#include <vector>
#endif

namespace overlapped {

#ifdef __linux__

Result clone_file(Operation& op) {
  return result_of(::ioctl(op.file->handle(), FICLONE, op.source->handle()));
}

#elif defined(__APPLE__)

namespace {

// A clone with these flags could not be changed, renamed or removed.
constexpr uint32_t kUnchangeable = UF_IMMUTABLE | UF_APPEND | SF_IMMUTABLE | SF_APPEND;

// The folder of a file, and the file's name in it.
struct Place {
  Descriptor folder;
  std::string name;
};

// Finds the place of an open file with a single name. The path that the system reports may lead
// elsewhere by the time it is followed, so only a folder that contains this very file is taken.
Result find_place(int fd, const struct stat& status, Place& place) {
  char path[MAXPATHLEN];
  if (::fcntl(fd, F_GETPATH, path) != 0) return last_error();
  const std::string whole = path;
  const size_t slash = whole.rfind('/');
  if (slash == std::string::npos) return Result::failure(ENOTSUP);
  place.name = whole.substr(slash + 1);
  const std::string folder = whole.substr(0, slash + 1);
  place.folder.reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place.folder.valid()) return last_error();
  struct stat found {};
  if (::fstatat(place.folder.get(), place.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    return last_error();
  }
  const bool is_same = found.st_dev == status.st_dev && found.st_ino == status.st_ino;
  return is_same ? Result::success(0) : Result::failure(ENOTSUP);
}

// Removes the extended attributes that a clone has from its source. The system refuses some of its
// own, which say where a file came from.
void drop_xattrs(int fd) {
  const ssize_t size = ::flistxattr(fd, nullptr, 0, 0);
  if (size <= 0) return;
  std::vector<char> names(static_cast<size_t>(size));
  const ssize_t filled = ::flistxattr(fd, names.data(), names.size(), 0);
  for (ssize_t at = 0; at < filled;) {
    const std::string name = &names[static_cast<size_t>(at)];
    (void)::fremovexattr(fd, name.c_str(), 0);
    at += static_cast<ssize_t>(name.size()) + 1;
  }
}

// Gives the clone the mode and the times of a new file, and removes the attributes that it has from
// the source. Then it takes the destination's name, and the destination's descriptor refers to it.
Result take_over(const Place& place, const std::string& clone, int to, const struct stat& status) {
  const int folder = place.folder.get();
  constexpr mode_t kPermissions = 07777;
  const mode_t mode = status.st_mode & kPermissions;
  if (::fchmodat(folder, clone.c_str(), mode, AT_SYMLINK_NOFOLLOW) != 0) return last_error();
  const int flags = (::fcntl(to, F_GETFL) & O_ACCMODE) | O_NOFOLLOW | O_CLOEXEC;
  const Descriptor opened(::openat(folder, clone.c_str(), flags));
  if (!opened.valid()) return last_error();
  drop_xattrs(opened.get());
  if (::futimens(opened.get(), nullptr) != 0) return last_error();
  if (::renameat(folder, clone.c_str(), folder, place.name.c_str()) != 0) return last_error();
  while (::dup2(opened.get(), to) < 0) {
    if (errno != EINTR) return last_error();
  }
  return result_of(::fcntl(to, F_SETFD, FD_CLOEXEC));
}

}  // namespace

// fclonefileat(2) only makes new files, so the clone replaces the destination.
Result clone_file(Operation& op) {
  if ((op.flags & kCloneMayReplace) == 0) return Result::failure(ENOTSUP);
  const int from = op.source->handle();
  const int to = op.file->handle();
  struct stat source {};
  struct stat status {};
  if (::fstat(from, &source) != 0 || ::fstat(to, &status) != 0) return last_error();
  const bool is_new = status.st_nlink == 1 && status.st_size == 0;
  if (!is_new || (source.st_flags & kUnchangeable) != 0) return Result::failure(ENOTSUP);
  Place place;
  const Result found = find_place(to, status, place);
  if (!found.ok()) return found;
  const std::string clone = place.name + "~";
  const int folder = place.folder.get();
  constexpr uint32_t kFlags = CLONE_NOFOLLOW | CLONE_NOOWNERCOPY;
  if (::fclonefileat(from, folder, clone.c_str(), kFlags) != 0) return last_error();
  const Result taken = take_over(place, clone, to, status);
  if (!taken.ok()) ::unlinkat(folder, clone.c_str(), 0);
  return taken;
}

#else

Result clone_file(Operation&) { return Result::failure(ENOTSUP); }

#endif

}  // namespace overlapped
