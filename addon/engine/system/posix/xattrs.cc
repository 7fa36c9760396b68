#include "xattrs.h"

#ifdef __linux__
#include <sys/stat.h>
#include <sys/xattr.h>
#elif defined(__APPLE__)
#include <copyfile.h>
#endif

#include <algorithm>
#include <string_view>
#include <vector>

#include "access_list.h"
#include "system/copy.h"
#include "system_call.h"
#include "xattr_memory.h"

namespace overlapped {

#ifdef __linux__

namespace {

constexpr mode_t kModeBits = 07777;
constexpr std::string_view kCapabilities = "security.capability";

// The names of the attributes of a file, each of which a zero byte ends in `memory`.
Result read_names(int fd, std::vector<char>& memory, std::vector<std::string_view>& names) {
  const Result listed =
      read_grown(memory, [&](char* data, size_t size) { return ::flistxattr(fd, data, size); });
  // A file system without extended attributes has none.
  if (!listed.ok()) return listed.os_error == ENOTSUP ? Result::success(0) : listed;
  for (size_t at = 0; at < memory.size(); at += names.back().size() + 1) {
    names.emplace_back(&memory[at]);
  }
  return Result::success(0);
}

Result read_value(int fd, std::string_view name, std::vector<char>& value) {
  return read_grown(value, [&](char* data, size_t size) {
    return ::fgetxattr(fd, name.data(), data, size);
  });
}

// Whether an attribute that the source lacks is removed. The system itself gives others to files.
bool is_removed(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("trusted.") || name == kCapabilities ||
         name == kDefaultAccessListName;
}

class XattrCopy {
 public:
  XattrCopy(int from, int to, bool is_existing)
      : from_(from), to_(to), is_existing_(is_existing) {}

  Result run() {
    const Result read = read_names(from_, memory_, names_);
    if (!read.ok()) return read;
    for (const std::string_view name : names_) {
      if (name != kAccessListName) note(copy(name));
    }
    note(remove_others());
    note(close_again());
    // The list may take away the right to change the other attributes.
    note(copy_access_list());
    if (result_.ok()) result_.value = differs_in_security_ ? kSecurityDiffers : changes_;
    return result_;
  }

 private:
  void note(const Result& next) {
    if (result_.ok()) result_ = next;
  }

  // A new file may inherit a list from its folder, and may thereby be open to users to whom the
  // source is not. A list is replaced in one step, so that its mask never stands for the rights of
  // the group.
  Result copy_access_list() {
    const AccessList list = AccessList::of(from_);
    if (AccessList::of(to_) == list) return Result::success(0);
    ++changes_;
    return list.exists() ? list.give_to(to_) : drop_list();
  }

  // Without the list, its mask becomes the rights of the group, which may be more than those that
  // it has for the source.
  Result drop_list() {
    struct stat source {};
    struct stat there {};
    if (::fstat(from_, &source) != 0 || ::fstat(to_, &there) != 0) return last_error();
    const mode_t more = there.st_mode & ~source.st_mode & S_IRWXG;
    const mode_t fewer = there.st_mode & kModeBits & ~more;
    const Result closed = more == 0 ? Result::success(0) : result_of(::fchmod(to_, fewer));
    return closed.ok() ? drop_access_list(to_) : closed;
  }

  Result copy(std::string_view name) {
    const Result read = read_value(from_, name, value_);
    // The attribute was removed after they were listed.
    if (read.os_error == ENODATA) return Result::success(0);
    if (!read.ok()) return read;
    const Result known = read_value(to_, name, other_value_);
    if (known.ok() && other_value_ == value_) return Result::success(0);
    if (is_spared(name)) return Result::success(0);
    ++changes_;
    return change([&] {
      return ::fsetxattr(to_, name.data(), value_.data(), value_.size(), 0);
    });
  }

  Result remove_others() {
    std::vector<char> memory;
    std::vector<std::string_view> others;
    const Result read = read_names(to_, memory, others);
    if (!read.ok()) return read;
    for (const std::string_view name : others) {
      const bool is_kept = std::find(names_.begin(), names_.end(), name) != names_.end();
      if (is_kept || !is_removed(name) || is_spared(name)) continue;
      ++changes_;
      note(change([&] { return ::fremovexattr(to_, name.data()); }));
    }
    return Result::success(0);
  }

  // Changes an attribute. Even the owner of a read-only file may not do that (xattr(7)), so the
  // owner may write to it meanwhile.
  template <typename Call>
  Result change(Call call) {
    const Result changed = result_of(call());
    if (changed.os_error != EACCES || is_opened_) return changed;
    struct stat there {};
    if (::fstat(to_, &there) != 0) return changed;
    mode_ = there.st_mode & kModeBits;
    is_opened_ = (mode_ & S_IWUSR) == 0 && ::fchmod(to_, mode_ | S_IWUSR) == 0;
    return is_opened_ ? result_of(call()) : changed;
  }

  Result close_again() { return result_of(is_opened_ ? ::fchmod(to_, mode_) : 0); }

  // Whether an attribute that differs must not be changed. Capabilities are rights of the content,
  // and that of an existing file may come from another user.
  bool is_spared(std::string_view name) {
    if (!is_existing_ || !name.starts_with("security.")) return false;
    if (name == kCapabilities) differs_in_security_ = true;
    return true;
  }

  const int from_;
  const int to_;
  const bool is_existing_;
  std::vector<char> memory_;
  std::vector<std::string_view> names_;  // of the source
  std::vector<char> value_;
  std::vector<char> other_value_;
  int64_t changes_ = 0;
  bool differs_in_security_ = false;
  bool is_opened_ = false;  // whether the file was read-only
  mode_t mode_ = 0;         // of such a file
  Result result_ = Result::success(0);
};

}  // namespace

Result copy_xattrs(int from, int to, uint32_t flags) {
  return XattrCopy(from, to, (flags & kOfExistingFile) != 0).run();
}

#elif defined(__APPLE__)

// Copies access control lists, too, and resource forks, which are attributes (copyfile(3)).
Result copy_xattrs(int from, int to, uint32_t) {
  return result_of(::fcopyfile(from, to, nullptr, COPYFILE_XATTR | COPYFILE_ACL));
}

#else

Result copy_xattrs(int, int, uint32_t) { return Result::failure(ENOTSUP); }

#endif

}  // namespace overlapped
