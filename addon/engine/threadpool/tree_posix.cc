#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tree.h"

namespace overlapped {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

EntryType type_of(unsigned char type) {
  switch (type) {
    case DT_REG:
      return EntryType::kFile;
    case DT_DIR:
      return EntryType::kDirectory;
    case DT_LNK:
      return EntryType::kLink;
    case DT_FIFO:
      return EntryType::kFifo;
    case DT_SOCK:
      return EntryType::kSocket;
    case DT_CHR:
      return EntryType::kCharacterDevice;
    case DT_BLK:
      return EntryType::kBlockDevice;
    default:
      return EntryType::kUnknown;
  }
}

EntryType type_of_mode(mode_t mode) { return type_of(static_cast<unsigned char>(IFTODT(mode))); }

bool is_dot(const char* name) {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

Result last_error() { return Result::failure(static_cast<uint32_t>(errno)); }

// The entries of an open directory in the order of their bytes, as libuv sorts them. A file system
// that keeps no types in its directories is asked for each.
Result read_entries(DIR* directory, std::vector<TreeEntry>& entries) {
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(directory);
    if (!entry) break;
    if (is_dot(entry->d_name)) continue;
    EntryType type = type_of(entry->d_type);
    struct stat status {};
    if (type == EntryType::kUnknown &&
        ::fstatat(::dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
      type = type_of_mode(status.st_mode);
    }
    entries.push_back({entry->d_name, type, 0});
  }
  if (errno != 0) return last_error();
  std::sort(entries.begin(), entries.end(),
            [](const TreeEntry& a, const TreeEntry& b) { return a.name < b.name; });
  return Result::success(0);
}

// Removes what is in an open directory; takes the descriptor over.
Result empty_folder(Operation& op, int fd, const std::string& path);

Result remove_folder(Operation& op, int parent, const std::string& name, const std::string& path) {
  const int fd = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail_at(op, path, TreeStep::kScan, last_error());
  const Result emptied = empty_folder(op, fd, path);
  if (!emptied.ok()) return emptied;
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return emptied;
  return fail_at(op, path, TreeStep::kRemoveFolder, last_error());
}

Result remove_entry(Operation& op, int parent, const TreeEntry& entry, const std::string& folder) {
  if (is_cancelled(op)) return Result::cancelled();
  const std::string path = join_path(folder, entry.name);
  if (entry.type == EntryType::kDirectory) return remove_folder(op, parent, entry.name, path);
  // ENOENT: somebody else has removed it, which is what was wanted.
  if (::unlinkat(parent, entry.name.c_str(), 0) == 0 || errno == ENOENT) {
    return Result::success(0);
  }
  return fail_at(op, path, TreeStep::kUnlink, last_error());
}

Result empty_folder(Operation& op, int fd, const std::string& path) {
  Directory directory(::fdopendir(fd), &::closedir);
  if (!directory) {
    const Result result = last_error();
    ::close(fd);
    return fail_at(op, path, TreeStep::kScan, result);
  }
  std::vector<TreeEntry> entries;
  const Result read = read_entries(directory.get(), entries);
  if (!read.ok()) return fail_at(op, path, TreeStep::kScan, read);
  for (const TreeEntry& entry : entries) {
    const Result removed = remove_entry(op, ::dirfd(directory.get()), entry, path);
    if (!removed.ok()) return removed;
  }
  return Result::success(0);
}

}  // namespace

PathString join_path(const PathString& folder, const PathString& name) {
  if (folder.empty()) return name;
  return folder.back() == '/' ? folder + name : folder + '/' + name;
}

Result read_folder(const PathString& path, std::vector<TreeEntry>& entries) {
  const Directory directory(::opendir(path.c_str()), &::closedir);
  return directory ? read_entries(directory.get(), entries) : last_error();
}

bool leads_to_folder(const PathString& path, const TreeEntry&) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string to_utf8(const PathString& path) { return path; }

Result remove_tree(Operation& op) {
  const std::string& path = op.detail->open.path;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return fail_at(op, path, TreeStep::kStat, last_error());
  }
  if (S_ISDIR(status.st_mode)) return remove_folder(op, AT_FDCWD, path, path);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return Result::success(0);
  return fail_at(op, path, TreeStep::kUnlink, last_error());
}

}  // namespace overlapped
