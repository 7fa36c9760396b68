#include "system/copy.h"

#ifdef __linux__

#include <sys/xattr.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "system/name_pairs.h"
#include "system/tree.h"
#include "system_call.h"
#include "xattr_memory.h"

namespace overlapped {

namespace {

// The extended attributes of a name in an open directory.
class NamedXattrs {
 public:
  Result read(int directory, const char* name) {
    // The directory may not change meanwhile, and a link under the name is not followed.
    const std::string path = std::string(DescriptorPath(directory).text) + '/' + name;
    std::vector<char> names;
    const Result listed = read_grown(
        names, [&](char* data, size_t size) { return ::llistxattr(path.c_str(), data, size); });
    // A file system without extended attributes has none.
    if (!listed.ok()) return listed.os_error == ENOTSUP ? Result::success(0) : listed;
    for (size_t at = 0; at < names.size(); at += attributes_.back().first.size() + 1) {
      auto& [attribute, value] = attributes_.emplace_back(&names[at], std::vector<char>());
      const Result got = read_grown(value, [&](char* data, size_t size) {
        return ::lgetxattr(path.c_str(), attribute.c_str(), data, size);
      });
      if (!got.ok()) return got;
    }
    std::sort(attributes_.begin(), attributes_.end());
    return Result::success(0);
  }
  bool operator==(const NamedXattrs&) const = default;

 private:
  std::vector<std::pair<std::string, std::vector<char>>> attributes_;  // by name
};

}  // namespace

Result compare_xattrs(Operation& op) {
  NamePairs pairs(op);
  while (pairs.next()) {
    if (is_cancelled(op)) break;
    NamedXattrs mine;
    NamedXattrs theirs;
    if (!mine.read(op.source->handle(), pairs.first()).ok()) continue;
    if (!theirs.read(op.file->handle(), pairs.second()).ok()) continue;
    pairs.set_result(mine == theirs ? 0 : kXattrsDiffer, 0);
  }
  return Result::success(0);
}

}  // namespace overlapped

#else

#include <cerrno>

namespace overlapped {

Result compare_xattrs(Operation&) { return Result::failure(ENOTSUP); }

}  // namespace overlapped

#endif
