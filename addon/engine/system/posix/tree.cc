#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "read_entries.h"
#include "system/tree.h"
#include "system_call.h"

namespace overlapped {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

// repeat_interrupted() for calls that return the error in errno.
template <typename Call>
int call_again(const Operation& op, Call call) {
  const Result result = repeat_interrupted(op, call);
  if (result.ok()) return static_cast<int>(result.value);
  errno = result.os_error == kCancelledError ? EINTR : static_cast<int>(result.os_error);
  return -1;
}

// A folder whose entries are being removed.
struct Level {
  std::string name;          // in its parent
  size_t parent_length = 0;  // of the path of the parent
  Directory directory{nullptr, &::closedir};
  dev_t device = 0;
  ino_t inode = 0;
  std::vector<TreeEntry> entries;
  size_t next = 0;
};

// The maximum number of folders that are open at a time, however deep the tree is; descriptors are
// scarce.
constexpr size_t kOpenLevelsMax = 16;

// Removes a tree, each folder after its entries. It works on descriptors, so that a folder which is
// replaced with a link meanwhile does not redirect it.
class TreeRemoval {
 public:
  explicit TreeRemoval(Operation& op) : op_(op), path_(op.detail->open.path) {}

  Result run() {
    Result result = remove_folder(AT_FDCWD, path_, 0);
    while (result.ok() && !levels_.empty()) {
      Level& level = levels_.back();
      result = level.next < level.entries.size() ? remove_entry(level) : leave();
    }
    return result;
  }

 private:
  // As in Node: a folder is removed immediately if possible, and emptied only if the system reports
  // that it is not empty. So a mount point, `.`, or a link with a trailing slash keeps its content.
  Result remove_folder(int parent, const std::string& name, size_t parent_length) {
    if (remove_if_empty(parent, name)) return Result::success(0);
    // The folder has been replaced, or the path is a link with a trailing slash.
    if (errno == ENOTDIR) return Result::success(0);
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EPERM) {
      return failed(TreeStep::kRemoveFolder);
    }
    Level level;
    level.name = name;
    level.parent_length = parent_length;
    const int fd = call_again(op_, [&] {
      return ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    });
    if (fd < 0) return failed(TreeStep::kScan);
    struct stat status {};
    if (!take(level, fd) || ::fstat(fd, &status) != 0) return failed(TreeStep::kScan);
    level.device = status.st_dev;
    level.inode = status.st_ino;
    const Result read = read_entries(level.directory.get(), level.entries);
    if (!read.ok()) {
      errno = static_cast<int>(read.os_error);
      return failed(TreeStep::kScan);
    }
    levels_.push_back(std::move(level));
    if (levels_.size() > kOpenLevelsMax) {
      levels_[levels_.size() - 1 - kOpenLevelsMax].directory.reset();
    }
    return Result::success(0);
  }

  // Passes the descriptor to the level, or closes it.
  static bool take(Level& level, int fd) {
    level.directory.reset(::fdopendir(fd));
    if (level.directory) return true;
    const int error = errno;
    ::close(fd);
    errno = error;
    return false;
  }

  // ENOENT: another process has removed it, as intended.
  bool remove_if_empty(int parent, const std::string& name) {
    return call_again(
               op_, [&] { return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR); }) == 0 ||
           errno == ENOENT;
  }

  Result remove_entry(Level& level) {
    if (is_cancelled(op_)) return Result::cancelled();
    const TreeEntry& entry = level.entries[level.next++];
    const int folder = ::dirfd(level.directory.get());
    const size_t length = path_.size();
    path_ = join_path(path_, entry.name);
    const bool descends = entry.type == EntryType::kDirectory;
    const size_t depth = levels_.size();
    Result result = Result::success(0);
    if (descends) {
      result = remove_folder(folder, std::string(entry.name), length);
    } else if (call_again(op_, [&] { return ::unlinkat(folder, entry.name.c_str(), 0); }) !=
                   0 &&
               errno != ENOENT) {
      result = failed(TreeStep::kUnlink);
    }
    // A level that was entered keeps its path until it is left.
    if (levels_.size() == depth) path_.resize(length);
    return result;
  }

  // Removes the current, now empty folder and returns to its parent.
  Result leave() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    int parent = AT_FDCWD;
    if (!levels_.empty()) {
      if (!reopen(levels_.back(), level)) return failed(TreeStep::kScan);
      parent = ::dirfd(levels_.back().directory.get());
    }
    if (!remove_if_empty(parent, level.name)) return failed(TreeStep::kRemoveFolder);
    path_.resize(level.parent_length);
    return Result::success(0);
  }

  // Returns from a folder to its parent, which may have been closed but must be the same one.
  bool reopen(Level& parent, const Level& child) {
    if (parent.directory) return true;
    const int fd = call_again(op_, [&] {
      return ::openat(::dirfd(child.directory.get()), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    });
    if (fd < 0 || !take(parent, fd)) return false;
    struct stat status {};
    if (::fstat(fd, &status) != 0) return false;
    if (status.st_dev == parent.device && status.st_ino == parent.inode) return true;
    errno = ESTALE;
    return false;
  }

  Result failed(TreeStep step) {
    if (errno == EINTR) return Result::cancelled();
    return fail_at(op_, path_, step, last_error());
  }

  Operation& op_;
  std::string path_;  // of the entry that is being removed
  std::vector<Level> levels_;
};

#ifdef O_PATH
constexpr int kSearchOnly = O_PATH;
#else
constexpr int kSearchOnly = O_RDONLY;
#endif

// A path below a root. If both together exceed the limit of a system call (PATH_MAX), the folder
// that the first part leads to is opened, and so on until the rest is short enough.
class ShortPath {
 public:
  ShortPath(const std::string& root, const std::string& relative)
      : path_(relative.empty() ? root : join_path(root, relative)) {
    // A root that is too long was given by the caller, and fails as it is.
    if (root.size() >= kLengthMax) return;
    while (path_.size() >= kLengthMax) {
      const size_t end = path_.rfind('/', kLengthMax - 1);
      if (end == std::string::npos || end == 0) return;
      const int next = ::openat(folder_, path_.substr(0, end).c_str(),
                                kSearchOnly | O_DIRECTORY | O_CLOEXEC);
      // The whole path then fails with ENAMETOOLONG.
      if (next < 0) return;
      close();
      folder_ = next;
      // A second slash would make the rest an absolute path.
      path_.erase(0, path_.find_first_not_of('/', end));
    }
  }
  ~ShortPath() { close(); }
  ShortPath(const ShortPath&) = delete;
  ShortPath& operator=(const ShortPath&) = delete;

  int folder() const { return folder_; }
  const std::string& path() const { return path_; }

 private:
  static constexpr size_t kLengthMax = PATH_MAX;

  void close() {
    if (folder_ != AT_FDCWD) ::close(folder_);
  }

  std::string path_;
  int folder_ = AT_FDCWD;
};

}  // namespace

PathString join_path(const PathString& folder, const PathString& name) {
  if (folder.empty()) return name;
  return folder.back() == '/' ? folder + name : folder + '/' + name;
}

Result read_folder(const PathString& root, const PathString& relative,
                   std::vector<TreeEntry>& entries) {
  const ShortPath place(root, relative);
  if (place.folder() == AT_FDCWD) {
    const Directory directory(::opendir(place.path().c_str()), &::closedir);
    return directory ? read_entries(directory.get(), entries) : last_error();
  }
  const int fd =
      ::openat(place.folder(), place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return last_error();
  const Directory directory(::fdopendir(fd), &::closedir);
  if (directory) return read_entries(directory.get(), entries);
  const Result result = last_error();
  ::close(fd);
  return result;
}

bool leads_to_folder(const PathString& root, const PathString& relative, const TreeEntry&) {
  const ShortPath place(root, relative);
  struct stat status {};
  return ::fstatat(place.folder(), place.path().c_str(), &status, 0) == 0 &&
         S_ISDIR(status.st_mode);
}

std::string to_utf8(const PathString& path) { return path; }

Result remove_tree(Operation& op) {
  const std::string& path = op.detail->open.path;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return fail_at(op, path, TreeStep::kStat, last_error());
  }
  if (S_ISDIR(status.st_mode)) return TreeRemoval(op).run();
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return Result::success(0);
  return fail_at(op, path, TreeStep::kUnlink, last_error());
}

}  // namespace overlapped
