#include "access_list.h"

#ifdef __linux__

#include <endian.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "system_call.h"

namespace overlapped {

namespace {

// The attribute (linux/posix_acl_xattr.h): a version, then entries.
constexpr size_t kHeaderSize = 4;
struct Entry {
  uint16_t tag;
  uint16_t permissions;
  uint32_t id;
};
static_assert(sizeof(Entry) == 8);
constexpr uint16_t kUser = 0x02;
constexpr uint16_t kOwningGroup = 0x04;
constexpr uint16_t kGroup = 0x08;
constexpr uint16_t kMask = 0x10;

constexpr mode_t kAllOfThree = 7;
constexpr int kGroupShift = 3;

// The calls on descriptors reject O_PATH descriptors.
ssize_t get(int fd, const char* name, void* value, size_t size) {
  const ssize_t length = ::fgetxattr(fd, name, value, size);
  if (length >= 0 || errno != EBADF) return length;
  return ::getxattr(DescriptorPath(fd).text, name, value, size);
}

int set(int fd, const char* name, const void* value, size_t size) {
  if (::fsetxattr(fd, name, value, size, 0) == 0) return 0;
  return errno == EBADF ? ::setxattr(DescriptorPath(fd).text, name, value, size, 0) : -1;
}

}  // namespace

AccessList AccessList::of(int descriptor) {
  AccessList list;
  for (;;) {
    const ssize_t size = get(descriptor, kAccessListName, nullptr, 0);
    if (size <= 0) break;
    list.value_.resize(static_cast<size_t>(size));
    const ssize_t filled = get(descriptor, kAccessListName, list.value_.data(), list.value_.size());
    if (filled > 0) {
      list.value_.resize(static_cast<size_t>(filled));
      return list;
    }
    // The list has grown since.
    if (errno != ERANGE) break;
  }
  list.value_.clear();
  return list;
}

AccessList AccessList::of_name(int directory, const char* name) {
  if (*name == '\0') return of(directory);
  const Descriptor entry(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  return entry.valid() ? of(entry.get()) : AccessList();
}

Result AccessList::give_to(int descriptor) const {
  return result_of(set(descriptor, kAccessListName, value_.data(), value_.size()));
}

mode_t AccessList::limit(mode_t mode) const {
  mode_t mask = kAllOfThree;
  mode_t group = kAllOfThree;
  mode_t others = kAllOfThree;
  const auto for_each = [&](auto visit) {
    for (size_t at = kHeaderSize; at + sizeof(Entry) <= value_.size(); at += sizeof(Entry)) {
      Entry entry;
      std::memcpy(&entry, &value_[at], sizeof entry);
      visit(le16toh(entry.tag), mode_t{le16toh(entry.permissions)});
    }
  };
  for_each([&](uint16_t tag, mode_t permissions) {
    if (tag == kMask) mask = permissions;
  });
  for_each([&](uint16_t tag, mode_t permissions) {
    if (tag == kOwningGroup) group &= permissions & mask;
    // A user or group that has an entry gets no rights of the others.
    if (tag == kUser) group &= permissions & mask;
    if (tag == kUser || tag == kGroup) others &= permissions & mask;
  });
  const mode_t denied = ((kAllOfThree & ~group) << kGroupShift) | (kAllOfThree & ~others);
  return mode & ~denied;
}

Result drop_access_list(int descriptor) {
  if (::fremovexattr(descriptor, kAccessListName) == 0) return Result::success(0);
  const bool is_path = errno == EBADF;
  if (is_path && ::removexattr(DescriptorPath(descriptor).text, kAccessListName) == 0) {
    return Result::success(0);
  }
  return errno == ENODATA || errno == ENOTSUP ? Result::success(0) : last_error();
}

bool has_default_list(int directory) {
  return get(directory, kDefaultAccessListName, nullptr, 0) > 0;
}

}  // namespace overlapped

#else

namespace overlapped {

AccessList AccessList::of(int) { return {}; }
AccessList AccessList::of_name(int, const char*) { return {}; }
Result AccessList::give_to(int) const { return Result::success(0); }
mode_t AccessList::limit(mode_t mode) const { return mode; }
Result drop_access_list(int) { return Result::success(0); }
bool has_default_list(int) { return false; }

}  // namespace overlapped

#endif
