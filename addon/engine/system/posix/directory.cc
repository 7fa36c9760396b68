#include "system/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "file_status.h"
#include "read_entries.h"
#include "system/entry_statuses.h"
#include "system/tree.h"
#include "system_call.h"

namespace overlapped {

namespace {

// A generous limit: on Linux the target of a link fits in a page (PATH_MAX).
constexpr size_t kTargetMax = 64 * 1024;

int handle_of(const Operation& op) { return op.file->handle(); }
const char* name_of(const Operation& op) { return op.detail->open.path.c_str(); }
const char* second_name_of(const Operation& op) { return op.detail->second_path.c_str(); }
// Whether an operation targets the directory itself.
bool is_for_itself(const Operation& op) { return op.detail->open.path.empty(); }

// Reads a link of any length; st_size of links in /proc is 0.
Result read_target(int directory, const char* name, std::string& target) {
  for (size_t size = 256; size <= kTargetMax; size *= 2) {
    target.resize(size);
    const ssize_t length = ::readlinkat(directory, name, target.data(), size);
    if (length < 0) return last_error();
    if (static_cast<size_t>(length) < size) {
      target.resize(static_cast<size_t>(length));
      return Result::success(length);
    }
  }
  return Result::failure(ENAMETOOLONG);
}

Result give_content(Operation& op, const void* data, size_t size) {
  op.detail->content = std::make_unique_for_overwrite<std::byte[]>(size);
  std::memcpy(op.detail->content.get(), data, size);
  return Result::success(static_cast<int64_t>(size));
}

Result stat_name(Operation& op) {
  return status_in(handle_of(op), name_of(op), op.detail->status);
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

// Opens a directory again, with a separate position, so that concurrent lists of one handle do not
// take entries from each other.
Result open_again(const Operation& op, Directory& directory) {
  const Result opened = repeat_interrupted(op, [&] {
    return ::openat(handle_of(op), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  });
  if (!opened.ok()) return opened;
  Descriptor descriptor(static_cast<int>(opened.value));
  directory.reset(::fdopendir(descriptor.get()));
  if (!directory) return last_error();
  descriptor.release();
  return Result::success(0);
}

Result list(Operation& op) {
  Directory directory(nullptr, &::closedir);
  const Result opened = open_again(op, directory);
  if (!opened.ok()) return opened;
  std::vector<TreeEntry> entries;
  const Result read = read_entries(directory.get(), entries);
  return read.ok() ? give_entries(op, entries) : read;
}

Result look_at(const Operation& op, const char* name, FileStatus& status, std::string& targets) {
  const Result found = status_in(handle_of(op), name, status);
  if (!found.ok() || !S_ISLNK(status.mode)) return found;
  std::string target;
  const Result read = read_target(handle_of(op), name, target);
  if (read.ok()) targets += target;
  return read;
}

Result list_statuses(Operation& op) {
  Directory directory(nullptr, &::closedir);
  const Result opened = open_again(op, directory);
  if (!opened.ok()) return opened;
  EntryStatuses statuses;
  const Result read = read_names(directory.get(), statuses);
  return read.ok() ? statuses.give(op, &look_at) : read;
}

Result make_directory(Operation& op) {
  return repeat_interrupted(
      op, [&] { return ::mkdirat(handle_of(op), name_of(op), static_cast<mode_t>(op.flags)); });
}

// Somebody may replace the entry after this check as well, but not after minutes of other work.
Result check_numbers(const Operation& op) {
  if (is_any_number(op.file_offset)) return Result::success(0);
  FileStatus found;
  const Result looked = status_in(handle_of(op), name_of(op), found);
  if (!looked.ok()) return looked;
  const bool is_same = found.ino == static_cast<uint64_t>(op.file_offset) &&
                       found.dev == static_cast<uint64_t>(op.length);
  return is_same ? Result::success(0) : Result::failure(ESTALE);
}

Result unlink_name(Operation& op) {
  const Result checked = check_numbers(op);
  if (!checked.ok()) return checked;
  const int flags = op.flags & kUnlinkDirectory ? AT_REMOVEDIR : 0;
  return repeat_interrupted(op, [&] { return ::unlinkat(handle_of(op), name_of(op), flags); });
}

#ifdef __linux__
constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE of linux/fs.h
int rename_if_free(int from, const char* name, int to, const char* new_name) {
  return static_cast<int>(::syscall(SYS_renameat2, from, name, to, new_name, kNoReplace));
}
#elif defined(__APPLE__)
int rename_if_free(int from, const char* name, int to, const char* new_name) {
  return ::renameatx_np(from, name, to, new_name, RENAME_EXCL);
}
#else
int rename_if_free(int, const char*, int, const char*) {
  errno = ENOSYS;
  return -1;
}
#endif

// Whether the file system or the kernel does not support a call.
bool is_unsupported(uint32_t error) {
  return error == EINVAL || error == ENOSYS || error == ENOTSUP || error == EOPNOTSUPP;
}

// Gives the file its new name, which fails if that is taken, and then removes the old one. A file
// system without hard links cannot check atomically that a name is free.
Result rename_by_link(Operation& op) {
  const int from = op.source->handle();
  if (::linkat(from, name_of(op), handle_of(op), second_name_of(op), 0) == 0) {
    return result_of(::unlinkat(from, name_of(op), 0));
  }
  if (errno == EEXIST) return last_error();
  FileStatus there;
  const Result found = status_in(handle_of(op), second_name_of(op), there);
  if (found.ok()) return Result::failure(EEXIST);
  if (found.os_error != ENOENT) return found;
  return result_of(::renameat(from, name_of(op), handle_of(op), second_name_of(op)));
}

Result rename_name(Operation& op) {
  const int from = op.source->handle();
  if (!(op.flags & kRenameExclusively)) {
    return repeat_interrupted(
        op, [&] { return ::renameat(from, name_of(op), handle_of(op), second_name_of(op)); });
  }
  const Result renamed = repeat_interrupted(
      op, [&] { return rename_if_free(from, name_of(op), handle_of(op), second_name_of(op)); });
  return is_unsupported(renamed.os_error) ? rename_by_link(op) : renamed;
}

Result link_name(Operation& op) {
  // Without AT_SYMLINK_FOLLOW the link itself gets the second name.
  return repeat_interrupted(op, [&] {
    return ::linkat(op.source->handle(), name_of(op), handle_of(op), second_name_of(op), 0);
  });
}

Result make_link(Operation& op) {
  return repeat_interrupted(
      op, [&] { return ::symlinkat(second_name_of(op), handle_of(op), name_of(op)); });
}

Result read_link(Operation& op) {
  std::string target;
  const Result read = read_target(handle_of(op), name_of(op), target);
  return read.ok() ? give_content(op, target.data(), target.size()) : read;
}

Result set_times(Operation& op) {
  if (op.length != sizeof(NewTimes)) return Result::failure(EINVAL);
  NewTimes wanted;
  std::memcpy(&wanted, op.data, sizeof wanted);
  timespec times[2]{};
  times[0].tv_sec = static_cast<time_t>(wanted.access_seconds);
  times[0].tv_nsec = static_cast<long>(wanted.access_nanoseconds);
  times[1].tv_sec = static_cast<time_t>(wanted.modification_seconds);
  times[1].tv_nsec = static_cast<long>(wanted.modification_nanoseconds);
  return repeat_interrupted(op, [&] {
    return is_for_itself(op) ? ::futimens(handle_of(op), times)
                             : ::utimensat(handle_of(op), name_of(op), times, AT_SYMLINK_NOFOLLOW);
  });
}

#ifdef __linux__

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

// Before Linux 6.6 no call changes the mode of a name without following it, but /proc leads to the
// file behind a descriptor that stands for the name.
Result set_mode_by_descriptor(Operation& op, mode_t mode) {
  const Descriptor file(
      ::openat(handle_of(op), name_of(op), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return last_error();
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return last_error();
  if (S_ISLNK(status.st_mode)) return Result::failure(EOPNOTSUPP);
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", file.get());
  return result_of(::chmod(path, mode));
}

Result set_mode_of_name(Operation& op, mode_t mode) {
  const auto changed = static_cast<int>(
      ::syscall(SYS_fchmodat2, handle_of(op), name_of(op), mode, AT_SYMLINK_NOFOLLOW));
  // A seccomp filter that does not know the call returns EPERM.
  if (changed == 0 || (errno != ENOSYS && errno != EPERM)) return result_of(changed);
  return set_mode_by_descriptor(op, mode);
}

#else

Result set_mode_of_name(Operation& op, mode_t mode) {
  return result_of(::fchmodat(handle_of(op), name_of(op), mode, AT_SYMLINK_NOFOLLOW));
}

#endif

Result set_mode(Operation& op) {
  const auto mode = static_cast<mode_t>(op.flags);
  return is_for_itself(op) ? result_of(::fchmod(handle_of(op), mode)) : set_mode_of_name(op, mode);
}

// mknodat() is new in macOS 13.
Result make_node(Operation& op) {
#ifdef __linux__
  const auto mode = static_cast<mode_t>(op.flags);
  const auto device = static_cast<dev_t>(op.file_offset);
  return result_of(::mknodat(handle_of(op), name_of(op), mode, device));
#else
  (void)op;
  return Result::failure(ENOTSUP);
#endif
}

// -1 leaves an ID unchanged (chown(2)).
Result set_owner(Operation& op) {
  const auto user = static_cast<uid_t>(op.file_offset);
  const auto group = static_cast<gid_t>(op.length);
  return repeat_interrupted(op, [&] {
    return is_for_itself(op)
               ? ::fchown(handle_of(op), user, group)
               : ::fchownat(handle_of(op), name_of(op), user, group, AT_SYMLINK_NOFOLLOW);
  });
}

}  // namespace

Result run_in_directory(Operation& op) {
  switch (op.opcode) {
    case Opcode::kStatIn:
      return stat_name(op);
    case Opcode::kListIn:
      return list(op);
    case Opcode::kListStatusesIn:
      return list_statuses(op);
    case Opcode::kMakeDirectoryIn:
      return make_directory(op);
    case Opcode::kMknodIn:
      return make_node(op);
    case Opcode::kUnlinkIn:
      return unlink_name(op);
    case Opcode::kRenameIn:
      return rename_name(op);
    case Opcode::kLinkIn:
      return link_name(op);
    case Opcode::kSymlinkIn:
      return make_link(op);
    case Opcode::kReadLinkIn:
      return read_link(op);
    case Opcode::kSetTimesIn:
      return set_times(op);
    case Opcode::kSetModeIn:
      return set_mode(op);
    case Opcode::kSetOwnerIn:
      return set_owner(op);
    default:
      return Result::failure(ENOSYS);
  }
}

}  // namespace overlapped
