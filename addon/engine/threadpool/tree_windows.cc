#include <string>
#include <utility>
#include <vector>

#include "tree.h"

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
  // As libuv: a junction counts as a link too.
  const bool is_link = (data.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
                       (data.dwReserved0 == IO_REPARSE_TAG_SYMLINK ||
                        data.dwReserved0 == IO_REPARSE_TAG_MOUNT_POINT);
  if (is_link) return EntryType::kLink;
  if (data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) return EntryType::kDirectory;
  return data.dwFileAttributes & FILE_ATTRIBUTE_DEVICE ? EntryType::kCharacterDevice
                                                       : EntryType::kFile;
}

bool is_dot(const std::wstring& name) { return name == L"." || name == L".."; }

Result last_error() { return Result::failure(GetLastError()); }

bool is_gone(DWORD error) { return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND; }

Result remove_file(Operation& op, const std::wstring& path, DWORD attributes) {
  // Node removes read-only files too.
  if (attributes & FILE_ATTRIBUTE_READONLY) {
    SetFileAttributesW(path.c_str(), attributes & ~static_cast<DWORD>(FILE_ATTRIBUTE_READONLY));
  }
  // A link to a folder is itself a folder, and goes without what it leads to.
  const bool removed = attributes & FILE_ATTRIBUTE_DIRECTORY ? RemoveDirectoryW(path.c_str())
                                                             : DeleteFileW(path.c_str());
  if (removed || is_gone(GetLastError())) return Result::success(0);
  return fail_at(op, path, TreeStep::kUnlink, last_error());
}

Result remove_folder(Operation& op, const std::wstring& path) {
  std::vector<TreeEntry> entries;
  const Result listed = read_folder(path, entries);
  if (!listed.ok()) return fail_at(op, path, TreeStep::kScan, listed);
  for (const TreeEntry& entry : entries) {
    if (is_cancelled(op)) return Result::cancelled();
    const std::wstring inner = join_path(path, entry.name);
    const Result removed = entry.type == EntryType::kDirectory
                               ? remove_folder(op, inner)
                               : remove_file(op, inner, entry.attributes);
    if (!removed.ok()) return removed;
  }
  if (RemoveDirectoryW(path.c_str()) || is_gone(GetLastError())) return Result::success(0);
  return fail_at(op, path, TreeStep::kRemoveFolder, last_error());
}

}  // namespace

PathString join_path(const PathString& folder, const PathString& name) {
  if (folder.empty()) return name;
  const wchar_t last = folder.back();
  return last == L'\\' || last == L'/' ? folder + name : folder + L'\\' + name;
}

Result read_folder(const PathString& path, std::vector<TreeEntry>& entries) {
  // FindFirstFileExW on `file\*` says ERROR_DIRECTORY or ERROR_PATH_NOT_FOUND; the caller relies on
  // the first.
  const DWORD attributes = GetFileAttributesW(path.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) return last_error();
  if (!(attributes & FILE_ATTRIBUTE_DIRECTORY)) return Result::failure(ERROR_DIRECTORY);
  WIN32_FIND_DATAW data{};
  const FindHandle find(FindFirstFileExW(join_path(path, L"*").c_str(), FindExInfoBasic, &data,
                                         FindExSearchNameMatch, nullptr,
                                         FIND_FIRST_EX_LARGE_FETCH));
  // The root of an empty drive has not even the two dots.
  if (!find.valid()) {
    return GetLastError() == ERROR_FILE_NOT_FOUND ? Result::success(0) : last_error();
  }
  do {
    std::wstring name = data.cFileName;
    if (!is_dot(name)) entries.push_back({std::move(name), type_of(data), data.dwFileAttributes});
  } while (FindNextFileW(find.get(), &data));
  return GetLastError() == ERROR_NO_MORE_FILES ? Result::success(0) : last_error();
}

bool leads_to_folder(const PathString&, const TreeEntry& link) {
  // The attributes of a link to a folder say so themselves.
  return (link.attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

std::string to_utf8(const PathString& text) {
  const int length = static_cast<int>(text.size());
  const int size =
      WideCharToMultiByte(CP_UTF8, 0, text.data(), length, nullptr, 0, nullptr, nullptr);
  std::string result(static_cast<size_t>(size), '\0');
  WideCharToMultiByte(CP_UTF8, 0, text.data(), length, result.data(), size, nullptr, nullptr);
  return result;
}

Result remove_tree(Operation& op) {
  const std::wstring& path = op.detail->open.path;
  const DWORD attributes = GetFileAttributesW(path.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) {
    return fail_at(op, path, TreeStep::kStat, last_error());
  }
  const bool folder =
      (attributes & FILE_ATTRIBUTE_DIRECTORY) && !(attributes & FILE_ATTRIBUTE_REPARSE_POINT);
  return folder ? remove_folder(op, path) : remove_file(op, path, attributes);
}

}  // namespace overlapped
