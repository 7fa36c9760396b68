#include "system/entry_metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include <cstring>

#include "access_list.h"
#include "file_status.h"
#include "metadata_keeper.h"
#include "system_call.h"

#if defined(__linux__) && !defined(SYS_fchmodat2)
#define SYS_fchmodat2 452
#endif

namespace overlapped {

namespace {

constexpr uint32_t kPermissions = 07777;

// The entry whose metadata is set: a descriptor that stands for it, so that it stays the same one.
// Systems without such descriptors use its name.
class Target {
 public:
  Result open(const Operation& op) {
    directory_ = op.file->handle();
    name_ = op.detail->open.path.c_str();
#ifdef __linux__
    if (*name_ == '\0') return Result::success(0);
    const Result opened = repeat_interrupted(
        op, [&] { return ::openat(directory_, name_, O_PATH | O_NOFOLLOW | O_CLOEXEC); });
    if (!opened.ok()) return opened;
    entry_.reset(static_cast<int>(opened.value));
    directory_ = entry_.get();
    name_ = "";
#endif
    return Result::success(0);
  }

  Result status(FileStatus& found) const { return status_in(directory_, name_, found); }

  Result set_mode_with(const AccessList& list, mode_t mode) const {
    return set_mode_and_list(directory_, list, mode, [&](mode_t next) { return set_mode(next); });
  }

#ifdef __linux__
  Result set_owner(uint32_t user, uint32_t group) const {
    return result_of(::fchownat(directory_, "", user, group, AT_EMPTY_PATH));
  }
  Result set_mode(mode_t mode) const {
    // A link has no mode of its own, and the path below would lead to its target.
    FileStatus found;
    const Result looked = status(found);
    if (!looked.ok()) return looked;
    if (S_ISLNK(found.mode)) return Result::failure(EOPNOTSUPP);
    if (::syscall(SYS_fchmodat2, directory_, "", mode, AT_EMPTY_PATH) == 0) {
      return Result::success(0);
    }
    // Before Linux 6.6, or behind a seccomp filter that does not know the call.
    if (errno != ENOSYS && errno != EPERM) return last_error();
    return result_of(::chmod(DescriptorPath(directory_).text, mode));
  }
  Result set_times(const timespec (&times)[2]) const {
    if (::utimensat(directory_, "", times, AT_EMPTY_PATH) == 0) return Result::success(0);
    // Before Linux 5.8.
    if (errno != EINVAL && errno != ENOENT) return last_error();
    return result_of(::utimensat(AT_FDCWD, DescriptorPath(directory_).text, times, 0));
  }
#else
  Result set_owner(uint32_t user, uint32_t group) const {
    return result_of(*name_ == '\0'
                         ? ::fchown(directory_, user, group)
                         : ::fchownat(directory_, name_, user, group, AT_SYMLINK_NOFOLLOW));
  }
  Result set_mode(mode_t mode) const {
    return result_of(*name_ == '\0'
                         ? ::fchmod(directory_, mode)
                         : ::fchmodat(directory_, name_, mode, AT_SYMLINK_NOFOLLOW));
  }
  Result set_times(const timespec (&times)[2]) const {
    return result_of(*name_ == '\0'
                         ? ::futimens(directory_, times)
                         : ::utimensat(directory_, name_, times, AT_SYMLINK_NOFOLLOW));
  }
#endif

 private:
  int directory_ = -1;
  const char* name_ = "";
  Descriptor entry_;
};

// Sets the mode without the bits that let others run the file as an owner whom it lacks.
Result set_mode(const Operation& op, const Target& target, const EntryMetadata& wanted) {
  FileStatus now;
  const Result looked = target.status(now);
  if (!looked.ok()) return looked;
  auto mode = static_cast<mode_t>(wanted.mode & kPermissions);
  if (S_ISREG(now.mode) && now.uid != wanted.user) mode &= ~mode_t{S_ISUID};
  if (S_ISREG(now.mode) && now.gid != wanted.group) mode &= ~mode_t{S_ISGID};
  if (op.source == nullptr || op.source == op.file) return target.set_mode(mode);
  const char* name = op.detail->open.path.c_str();
  return target.set_mode_with(AccessList::of_name(op.source->handle(), name), mode);
}

timespec time_of(int64_t seconds, int64_t nanoseconds) {
  timespec time{};
  time.tv_sec = static_cast<time_t>(seconds);
  time.tv_nsec = static_cast<long>(nanoseconds);
  return time;
}

}  // namespace

bool is_known(const KnownEntry& known, const FileStatus& status) {
  if (known.type == 0) return true;
  if ((status.mode & S_IFMT) != known.type) return false;
  return known.inode == 0 || (status.ino == known.inode && status.dev == known.device);
}

Result set_metadata_in(Operation& op) {
  EntryMetadata wanted;
  if (op.length != sizeof wanted) return Result::failure(EINVAL);
  std::memcpy(&wanted, op.data, sizeof wanted);
  Target target;
  const Result opened = target.open(op);
  if (!opened.ok()) return opened;
  FileStatus found;
  const Result looked = target.status(found);
  if (!looked.ok()) return looked;
  if (!is_known(wanted.known, found)) return Result::failure(ESTALE);
  const timespec times[2] = {
      time_of(wanted.times.access_seconds, wanted.times.access_nanoseconds),
      time_of(wanted.times.modification_seconds, wanted.times.modification_nanoseconds)};
  MetadataKeeper keeper(op.flags, op.detail->refused_parts);
  // The owner is first, because changing it clears mode bits (chown(2)).
  keeper.keep(kMetadataOwner, [&] { return target.set_owner(wanted.user, wanted.group); });
  keeper.keep(kMetadataMode, [&] { return set_mode(op, target, wanted); });
  keeper.keep(kMetadataTimes, [&] { return target.set_times(times); });
  return keeper.result();
}

}  // namespace overlapped
