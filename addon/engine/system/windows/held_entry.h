#pragma once

#include <string>
#include <vector>

#include "windows_io.h"

namespace overlapped {

struct FolderEntry {
  std::wstring name;
  DWORD attributes = 0;
};

// All entries of an open directory but the two dots. Two lists of one handle at a time would take
// entries from each other.
Result list_directory(HANDLE directory, std::vector<FolderEntry>& entries);

// What stood at a name when it was opened: a file, a folder, or a link itself. It is looked at,
// listed and removed by its handle, and what stands in it is opened from there, so that nothing
// else is reached when somebody puts a link in the place of the name, or of a folder above it.
class HeldEntry {
 public:
  HeldEntry() = default;
  HeldEntry(HeldEntry&&) noexcept = default;

  // Opens what is at a path. With `to_list` a folder can be listed too, where its rights allow
  // that.
  Result open(const std::wstring& path, bool to_list);
  // Opens what has a name in a folder.
  Result open_in(const HeldEntry& folder, const std::wstring& name, bool to_list) {
    return open_in(folder.handle_.get(), name, to_list);
  }
  Result open_in(HANDLE folder, const std::wstring& name, bool to_list);

  HANDLE handle() const { return handle_.get(); }
  bool has_folder_attribute() const { return (attributes_ & FILE_ATTRIBUTE_DIRECTORY) != 0; }
  // A link is none, whatever it leads to; nor is a volume that is mounted at a folder.
  bool is_folder() const;
  // All but the two dots, of a folder that was opened to be listed.
  Result list(std::vector<FolderEntry>& entries) const;
  // Removes it; ERROR_DIR_NOT_EMPTY where it is a folder with something in it. Its name may stay
  // until the handle is closed.
  Result remove() const;

 private:
  Result look();

  UniqueHandle handle_;
  DWORD attributes_ = 0;
  DWORD reparse_tag_ = 0;
};

}  // namespace overlapped
