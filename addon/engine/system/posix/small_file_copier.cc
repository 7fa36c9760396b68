#include "small_file_copier.h"

#include <fcntl.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

#include <algorithm>

#include "system/copy.h"
#include "system/copy_small_file.h"
#include "uncached.h"

namespace overlapped {

namespace {

constexpr size_t kBufferMin = 64 * 1024;
constexpr size_t kBufferMax = 256 * 1024;
// Larger files are cloned if possible, and their holes are worth keeping.
constexpr off_t kPlainMax = 64 * 1024;
constexpr blkcnt_t kStatBlock = 512;  // the unit of st_blocks
constexpr mode_t kPermissions = 0777;
constexpr mode_t kAllModeBits = 07777;
constexpr mode_t kForMakerAlone = 0600;
constexpr mode_t kOfOthers = 0077;
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

// File systems that compress or pack files use fewer blocks, too; their files lose only time.
bool may_have_holes(const struct stat& status) {
  return status.st_size > kPlainMax && status.st_blocks * kStatBlock < status.st_size;
}

// Takes away the write permission that a new file has while it is filled. If the file system
// refuses that, the copy stays writable.
void make_read_only(int to) {
  struct stat status {};
  if (::fstat(to, &status) == 0) (void)::fchmod(to, status.st_mode & kPermissions & ~S_IWUSR);
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
Result give_name(int directory, Descriptor& to, const SmallFileCopier::Names& names) {
  if (!names.final_name) return to.close();
  const Descriptor lock(::fcntl(to.get(), F_DUPFD_CLOEXEC, 0));
  if (!lock.valid()) return last_error();
  const Result closed = to.close();
  if (!closed.ok()) return closed;
  return result_of(::renameat(directory, names.temporary, directory, names.final_name));
}

}  // namespace

// A new file belongs to its maker's group, or to that of its directory: where the directory has the
// set-group-ID bit, and on some mounts everywhere (mount(8), grpid).
SmallFileCopier::SmallFileCopier(Operation& operation)
    : op_(operation),
      locks_((operation.flags & kDirectoryIsLocked) == 0),
      leaves_cache_((operation.flags & kLeavesCache) != 0),
      user_(::geteuid()),
      group_(::getegid()) {
  struct stat directory {};
  if (::fstat(op_.file->handle(), &directory) != 0) return;
  knows_owner_ = directory.st_gid == group_ || (directory.st_mode & S_ISGID) != 0;
  group_ = directory.st_gid;
  inherits_list_ = has_default_list(op_.file->handle());
}

Result SmallFileCopier::copy(const Names& names, uint32_t& refused_parts) {
  Descriptor from;
  struct stat status {};
  const Result opened = open_source(names.source, from, status);
  if (!opened.ok()) return opened;
  if (may_have_holes(status)) return Result::success(kSourceHasHoles);
  return make(names, from.get(), status, refused_parts);
}

// If the source has been replaced meanwhile, it is neither followed nor waited for.
Result SmallFileCopier::open_to_read(const char* name, bool keeps_access_time) const {
  int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
#ifdef O_NOATIME
  if (keeps_access_time) flags |= O_NOATIME;
#else
  (void)keeps_access_time;
#endif
  return repeat_interrupted(op_, [&] { return ::openat(op_.source->handle(), name, flags); });
}

Result SmallFileCopier::open_source(const char* name, Descriptor& from, struct stat& status) {
  const bool keeps_access_time = (op_.flags & kMetadataTimes) != 0;
  Result opened = open_to_read(name, keeps_access_time);
  // Only the owner and the superuser may keep the access time of a file (open(2)).
  if (opened.os_error == EPERM && keeps_access_time) opened = open_to_read(name, false);
  if (!opened.ok()) return opened;
  from.reset(static_cast<int>(opened.value));
  if (::fstat(from.get(), &status) != 0) return last_error();
  return S_ISREG(status.st_mode) ? opened : Result::failure(EINVAL);
}

// Whether a new file will have the owner of its source from the start.
bool SmallFileCopier::is_for_maker(const struct stat& status) const {
  return knows_owner_ && status.st_uid == user_ && status.st_gid == group_;
}

// Whether an access list must be given to the new file or taken from it.
bool SmallFileCopier::has_lists() const { return inherits_list_ || list_.exists(); }

// The mode with which the new file is made. Until it has its final owner, only its maker may read
// it.
mode_t SmallFileCopier::first_mode(const struct stat& status) const {
  const mode_t mode = status.st_mode & kAllModeBits;
  if ((op_.flags & kKeepsMode) == 0) return list_.limit(mode & kPermissions) | S_IWUSR;
  const bool is_plain = (mode & ~kPermissions) == 0 && (mode & S_IWUSR) != 0 && !has_lists();
  return is_plain && is_for_maker(status) ? mode : kForMakerAlone;
}

Result SmallFileCopier::make(const Names& names, int from, const struct stat& status,
                             uint32_t& refused_parts) {
  const int directory = op_.file->handle();
  const bool is_private = (status.st_mode & kOfOthers) == 0;
  list_ = is_private ? AccessList() : AccessList::of(from);
  const Result made = repeat_interrupted(op_, [&] {
    return ::openat(directory, names.temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, first_mode(status));
  });
  if (!made.ok()) return made;
  Descriptor to(static_cast<int>(made.value));
  Result result = locks_ ? claim(to.get()) : Result::success(0);
  if (result.ok()) result = fill(from, status, to.get(), refused_parts);
  if (result.ok() && result.value >= 0) {
    // Some file systems report failed writes only when the file is closed.
    const Result named = give_name(directory, to, names);
    if (!named.ok()) result = named;
  }
  if (!result.ok() || result.value < 0) ::unlinkat(directory, names.temporary, 0);
  return result;
}

// Copies the content, then the metadata.
Result SmallFileCopier::fill(int from, const struct stat& status, int to,
                             uint32_t& refused_parts) {
  const Result copied = copy_content(from, status, to);
  if (!copied.ok()) return copied;
  struct stat after {};
  if (::fstat(from, &after) != 0) return last_error();
  if (!is_same(status, after)) return Result::success(kSourceChanged);
  // Keeps the times from before the content was read: if the source is written to meanwhile, they
  // show that the copy is not up to date.
  const bool is_read_only = (status.st_mode & S_IWUSR) == 0;
  if (is_read_only && (op_.flags & kKeepsMode) == 0) make_read_only(to);
  const Result kept = copy_metadata(status, from, to, parts_to_set(status, to), refused_parts);
  return kept.ok() ? copied : kept;
}

// Returns the requested parts without the owner and the mode that the new file has already: every
// change of an inode goes through the journal.
uint32_t SmallFileCopier::parts_to_set(const struct stat& status, int to) const {
  if ((op_.flags & kKeepsMode) == 0 || !is_for_maker(status)) return op_.flags;
  struct stat made {};
  if (::fstat(to, &made) != 0) return op_.flags;
  if (made.st_uid != status.st_uid || made.st_gid != status.st_gid) return op_.flags;
  const bool has_mode = ((made.st_mode ^ status.st_mode) & kAllModeBits) == 0 && !has_lists();
  return op_.flags & ~(kMetadataOwner | (has_mode ? kMetadataMode : 0U));
}

bool SmallFileCopier::clone(int from, int to) {
#ifdef FICLONE
  if (may_clone_) may_clone_ = ::ioctl(to, FICLONE, from) == 0;
  return may_clone_;
#else
  (void)from;
  (void)to;
  return false;
#endif
}

Result SmallFileCopier::copy_content(int from, const struct stat& status, int to) {
  if (status.st_size > kPlainMax && clone(from, to)) return Result::success(status.st_size);
  return read_and_write(from, static_cast<size_t>(status.st_size), to, 0);
}

ssize_t SmallFileCopier::read_some(int from) {
#ifdef __linux__
  if (leaves_cache_) {
    const ssize_t bytes = read_uncached(from, buffer_.get(), room_);
    if (bytes >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) return bytes;
    leaves_cache_ = false;
  }
#endif
  return ::read(from, buffer_.get(), room_);
}

// Copies up to the end of the file, even if it has grown.
Result SmallFileCopier::read_and_write(int from, size_t size, int to, int64_t copied) {
  // One byte more than expected: a short read is then the end. Files that report no size, such as
  // those of /proc and FUSE, may return their content only to the first read.
  const size_t room = std::clamp(size + 1, kBufferMin, kBufferMax);
  if (room > room_) {
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(room);
    room_ = room;
  }
  for (;;) {
    if (op_.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
    const Result read = repeat_interrupted(op_, [&] { return read_some(from); });
    if (!read.ok()) return read;
    if (read.value == 0) return Result::success(copied);
    const auto length = static_cast<size_t>(read.value);
    const Result written = write_all(op_, to, buffer_.get(), length);
    if (!written.ok()) return written;
    copied += read.value;
    // The caller compares the size once more.
    if (length < room_ && copied == static_cast<int64_t>(size)) return Result::success(copied);
  }
}

}  // namespace overlapped
