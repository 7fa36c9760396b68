#pragma once

#include <string>
#include <vector>

#include "native_calls.h"
#include "windows_io.h"

namespace overlapped {

struct FolderEntry {
  std::wstring name;
  DWORD attributes = 0;
};

// Lists an open directory without the two dots. Two concurrent lists of one handle would take
// entries from each other.
Result list_directory(HANDLE directory, std::vector<FolderEntry>& entries);

// The object that had a name when it was opened: a file, a folder, or a link itself. It is
// inspected, listed and removed through its handle, and its entries are opened relative to it, so
// that replacing the name, or a folder above it, with a link does not redirect any operation.
class HeldEntry {
 public:
  HeldEntry() = default;
  HeldEntry(HeldEntry&&) noexcept = default;

  // Opens the object at a path. With `to_list` a folder can also be listed, if its rights allow
  // that.
  Result open(const std::wstring& path, bool to_list);
  // Opens the object with a given name in a folder.
  Result open_in(const HeldEntry& folder, const std::wstring& name, bool to_list) {
    return open_in(folder.handle_.get(), name, to_list);
  }
  Result open_in(HANDLE folder, const std::wstring& name, bool to_list);

  HANDLE handle() const { return handle_.get(); }
  bool has_folder_attribute() const { return kind_.is_directory(); }
  // False for every link, whatever its target, and for a folder at which a volume is mounted.
  bool is_folder() const { return kind_.is_directory() && !kind_.is_link(); }
  // Lists a folder that was opened with `to_list`, without the two dots.
  Result list(std::vector<FolderEntry>& entries) const;
  // Removes the object; fails with ERROR_DIR_NOT_EMPTY for a folder with entries. Its name may
  // remain until the handle is closed.
  Result remove() const;

 private:
  UniqueHandle handle_;
  ObjectKind kind_;
};

}  // namespace overlapped
