#include <string>
#include <utility>
#include <vector>

#include "held_entry.h"
#include "system/tree.h"
#include "wide_text.h"

namespace overlapped {

namespace {

class FindHandle {
 public:
  explicit FindHandle(HANDLE handle) : handle_(handle) {}
  ~FindHandle() {
    if (valid()) FindClose(handle_);
  }
  FindHandle(const FindHandle&) = delete;
  FindHandle& operator=(const FindHandle&) = delete;
  bool valid() const { return handle_ != INVALID_HANDLE_VALUE; }
  HANDLE get() const { return handle_; }

 private:
  HANDLE handle_;
};

EntryType type_of(const WIN32_FIND_DATAW& data) {
  // As in libuv: junctions count as links too.
  const bool is_link = (data.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
                       (data.dwReserved0 == IO_REPARSE_TAG_SYMLINK ||
                        data.dwReserved0 == IO_REPARSE_TAG_MOUNT_POINT);
  if (is_link) return EntryType::kLink;
  if (data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) return EntryType::kDirectory;
  return data.dwFileAttributes & FILE_ATTRIBUTE_DEVICE ? EntryType::kCharacterDevice
                                                       : EntryType::kFile;
}

bool is_dot(const std::wstring& name) { return name == L"." || name == L".."; }

bool is_gone(DWORD error) { return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND; }

// A folder whose entries are being removed.
struct Level {
  HeldEntry folder;
  size_t parent_length = 0;  // of the path of the parent
  std::vector<FolderEntry> entries;
  size_t next = 0;
};

// Removes a tree, each folder after its entries. Everything below the root is reached through the
// handle of its folder; paths are only used in errors.
class TreeRemoval {
 public:
  explicit TreeRemoval(Operation& op) : op_(op), path_(op.detail->open.path) {}

  Result run(bool root_may_be_folder) {
    HeldEntry root;
    Result result = root.open(path_, root_may_be_folder);
    result = take(result, std::move(root), root_may_be_folder, 0);
    while (result.ok() && !levels_.empty()) {
      Level& level = levels_.back();
      result = level.next < level.entries.size() ? remove_entry(level) : leave();
    }
    return result;
  }

 private:
  // As in Node: a folder is removed immediately if possible, and emptied only if the system reports
  // that it is not empty.
  Result take(const Result& opened, HeldEntry entry, bool may_be_folder, size_t parent_length) {
    Result result = opened.ok() ? entry.remove() : opened;
    if (result.ok() || is_gone(result.os_error)) return Result::success(0);
    const bool folder = opened.ok() ? entry.is_folder() : may_be_folder;
    const TreeStep step = folder ? TreeStep::kRemoveFolder : TreeStep::kUnlink;
    const bool is_filled =
        result.os_error == ERROR_DIR_NOT_EMPTY || result.os_error == ERROR_ACCESS_DENIED;
    // If the folder has been replaced with a link, the link's target must not be touched.
    if (!opened.ok() || !folder || !is_filled) return fail_at(op_, path_, step, result);
    Level level{std::move(entry), parent_length, {}};
    const Result listed = level.folder.list(level.entries);
    if (!listed.ok()) return fail_at(op_, path_, TreeStep::kScan, listed);
    levels_.push_back(std::move(level));
    return listed;
  }

  Result remove_entry(Level& level) {
    if (is_cancelled(op_)) return Result::cancelled();
    const FolderEntry& found = level.entries[level.next++];
    const size_t length = path_.size();
    path_ = join_path(path_, found.name);
    const size_t depth = levels_.size();
    const bool may_be_folder = (found.attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    HeldEntry entry;
    const Result opened = entry.open_in(level.folder, found.name, may_be_folder);
    const Result result = take(opened, std::move(entry), may_be_folder, length);
    // A level that was entered keeps its path until it is left.
    if (levels_.size() == depth) path_.resize(length);
    return result;
  }

  // Removes the current, now empty folder and returns to its parent.
  Result leave() {
    const size_t parent_length = levels_.back().parent_length;
    const Result removed = levels_.back().folder.remove();
    levels_.pop_back();
    if (!removed.ok()) return fail_at(op_, path_, TreeStep::kRemoveFolder, removed);
    path_.resize(parent_length);
    return Result::success(0);
  }

  Operation& op_;
  std::wstring path_;  // of the entry that is being removed
  std::vector<Level> levels_;
};

}  // namespace

PathString join_path(const PathString& folder, const PathString& name) {
  if (folder.empty()) return name;
  const wchar_t last = folder.back();
  return last == L'\\' || last == L'/' ? folder + name : folder + L'\\' + name;
}

Result read_folder(const PathString& root, const PathString& relative,
                   std::vector<TreeEntry>& entries) {
  const PathString path = relative.empty() ? root : join_path(root, relative);
  // FindFirstFileExW on `file\*` reports ERROR_DIRECTORY or ERROR_PATH_NOT_FOUND, but the caller
  // relies on ERROR_DIRECTORY.
  const DWORD attributes = GetFileAttributesW(path.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) return last_error();
  if (!(attributes & FILE_ATTRIBUTE_DIRECTORY)) return Result::failure(ERROR_DIRECTORY);
  WIN32_FIND_DATAW data{};
  const FindHandle find(FindFirstFileExW(join_path(path, L"*").c_str(), FindExInfoBasic, &data,
                                         FindExSearchNameMatch, nullptr,
                                         FIND_FIRST_EX_LARGE_FETCH));
  // The root of an empty drive lacks even the two dots.
  if (!find.valid()) {
    return GetLastError() == ERROR_FILE_NOT_FOUND ? Result::success(0) : last_error();
  }
  do {
    std::wstring name = data.cFileName;
    if (!is_dot(name)) entries.push_back({std::move(name), type_of(data), data.dwFileAttributes});
  } while (FindNextFileW(find.get(), &data));
  return GetLastError() == ERROR_NO_MORE_FILES ? Result::success(0) : last_error();
}

bool leads_to_folder(const PathString&, const PathString&, const TreeEntry& link) {
  // The attributes of a link tell whether it was made for a folder.
  return (link.attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

std::string to_utf8(const PathString& text) { return to_wtf8(text); }

Result remove_tree(Operation& op) {
  const std::wstring& path = op.detail->open.path;
  const DWORD attributes = GetFileAttributesW(path.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) {
    return fail_at(op, path, TreeStep::kStat, last_error());
  }
  return TreeRemoval(op).run((attributes & FILE_ATTRIBUTE_DIRECTORY) != 0);
}

}  // namespace overlapped
