#include "read_entries.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "system_call.h"

namespace overlapped {

namespace {

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

}  // namespace

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

Result read_names(DIR* directory, EntryStatuses& names) {
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(directory);
    if (!entry) break;
    if (!is_dot(entry->d_name)) names.add(entry->d_name);
  }
  return errno == 0 ? Result::success(0) : last_error();
}

}  // namespace overlapped
