#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "metadata_keeper.h"
#include "result.h"

namespace overlapped {

// The access control list of a file on Linux (acl(5)). The group bits of the mode of such a file
// are the most that the list grants to anybody but the owner. Without the list the whole group
// would have them as its rights.
class AccessList {
 public:
  AccessList() = default;
  // Reads the list of a file; none if the file or the system has none. O_PATH descriptors will do.
  static AccessList of(int descriptor);
  // Reads the list of a name in a directory that is not followed, or of the directory itself.
  static AccessList of_name(int directory, const char* name);

  bool operator==(const AccessList&) const = default;
  bool exists() const { return !value_.empty(); }
  // Gives the list to a file, whose mode gets the permission bits of the list.
  Result give_to(int descriptor) const;
  // Returns a mode that, without the list, grants nobody more than the list does.
  mode_t limit(mode_t mode) const;

 private:
  std::vector<std::byte> value_;  // of the extended attribute
};

// The extended attributes that have the list, and the one of a directory for new entries.
inline constexpr const char* kAccessListName = "system.posix_acl_access";
inline constexpr const char* kDefaultAccessListName = "system.posix_acl_default";

// Removes the list of a file if it has one.
Result drop_access_list(int descriptor);

// Whether new entries of a directory get a list that the directory keeps for them.
bool has_default_list(int directory);

// Gives a file a mode together with the list of the file that the mode was read from. A list that
// the file has inherited from its folder is removed. If the list is refused, that is the result,
// and the mode grants nobody more than the list.
template <typename SetMode>
Result set_mode_and_list(int to, const AccessList& list, mode_t mode, SetMode set_mode) {
  if (list.exists()) {
    const Result given = list.give_to(to);
    if (given.ok()) return set_mode(mode);
    if (!is_refusal(given.os_error)) return given;
    const Result restricted = set_mode(list.limit(mode));
    return restricted.ok() ? given : restricted;
  }
  if (AccessList::of(to).exists()) {
    const Result closed = set_mode(mode & ~mode_t{S_IRWXG});
    if (!closed.ok()) return closed;
    const Result dropped = drop_access_list(to);
    if (!dropped.ok()) return dropped;
  }
  return set_mode(mode);
}

}  // namespace overlapped
