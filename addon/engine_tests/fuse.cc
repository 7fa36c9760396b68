#ifdef __linux__

#include "fuse.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "test.h"

namespace overlapped::testing {

namespace {

constexpr size_t kWriteMax = 128 * 1024;
constexpr uint64_t kFirstNode = 2;  // after the root

fuse_attr attributes(uint64_t node, uint32_t mode, uint64_t size) {
  fuse_attr attr{};
  attr.ino = node;
  attr.mode = mode;
  attr.size = size;
  attr.nlink = 1;
  attr.blksize = 4096;
  return attr;
}

}  // namespace

struct HangingFileSystem::Request {
  fuse_in_header head;
  const char* body;

  template <typename T>
  T as() const {
    T value;
    std::memcpy(&value, body, sizeof value);
    return value;
  }
};

HangingFileSystem::HangingFileSystem(const std::string& folder, uint32_t open_flags)
    : folder_(folder), open_flags_(open_flags) {
  device_ = ::open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (device_ < 0) throw Skip("/dev/fuse does not open");
  ::mkdir(folder.c_str(), 0755);
  const std::string options =
      "fd=" + std::to_string(device_) + ",rootmode=40000,user_id=0,group_id=0";
  mounted_ = ::mount("test", folder.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
  if (!mounted_) {
    ::close(device_);
    throw Skip("only the superuser may mount a file system");
  }
  thread_ = std::thread([this] { serve(); });
}

HangingFileSystem::~HangingFileSystem() { end(); }

void HangingFileSystem::end() {
  if (!mounted_) return;
  mounted_ = false;
  ::umount2(folder_.c_str(), MNT_FORCE);
  ::umount2(folder_.c_str(), MNT_DETACH);
  thread_.join();
  ::close(device_);
}

void HangingFileSystem::add(const std::string& name, const std::string& content) {
  std::lock_guard lock(mutex_);
  contents_[name] = content;
}

std::string HangingFileSystem::content(const std::string& name) {
  std::lock_guard lock(mutex_);
  return contents_[name];
}

void HangingFileSystem::serve() {
  std::vector<char> buffer(kWriteMax + 4096);
  for (;;) {
    pollfd device{device_, POLLIN, 0};
    if (::poll(&device, 1, -1) < 0) continue;
    const ssize_t size = ::read(device_, buffer.data(), buffer.size());
    if (size < 0 && errno == ENODEV) return;  // unmounted
    if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) {
      if (device.revents & (POLLERR | POLLHUP)) return;
      continue;
    }
    Request request{};
    std::memcpy(&request.head, buffer.data(), sizeof request.head);
    request.body = buffer.data() + sizeof request.head;
    if (request.head.opcode == hangs_at_) {
      ++unanswered_;
    } else {
      answer(request);
    }
  }
}

void HangingFileSystem::reply(uint64_t unique, int error, const void* data, size_t size) {
  fuse_out_header head{};
  head.len = static_cast<uint32_t>(sizeof head + size);
  head.error = -error;
  head.unique = unique;
  const iovec parts[] = {{&head, sizeof head}, {const_cast<void*>(data), size}};
  (void)!::writev(device_, parts, size > 0 ? 2 : 1);
}

// The node number of a name; the mutex must be held.
uint64_t HangingFileSystem::node_of(const std::string& name) {
  auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) found = names_.insert(found, name);
  return kFirstNode + static_cast<uint64_t>(found - names_.begin());
}

void HangingFileSystem::reply_entry(uint64_t unique, uint64_t node) {
  const std::string& name = names_[node - kFirstNode];
  const bool hides_size = name.starts_with("unsized");
  fuse_entry_out entry{};
  entry.nodeid = node;
  entry.attr = attributes(node, S_IFREG | 0644, hides_size ? 0 : contents_[name].size());
  reply(unique, 0, &entry, sizeof entry);
}

void HangingFileSystem::answer(const Request& request) {
  std::lock_guard lock(mutex_);
  const fuse_in_header& head = request.head;
  const bool is_file = head.nodeid >= kFirstNode;
  const std::string name = is_file ? names_[head.nodeid - kFirstNode] : "";
  switch (head.opcode) {
    case FUSE_INIT: {
      fuse_init_out out{};
      out.major = FUSE_KERNEL_VERSION;
      out.minor = 31;
      out.max_write = kWriteMax;
      return reply(head.unique, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
      const std::string wanted = request.body;
      if (!contents_.contains(wanted)) return reply(head.unique, ENOENT, nullptr, 0);
      return reply_entry(head.unique, node_of(wanted));
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
      if (is_file && head.opcode == FUSE_SETATTR) {
        const auto in = request.as<fuse_setattr_in>();
        if (in.valid & FATTR_SIZE) contents_[name].resize(in.size);
      }
      fuse_attr_out out{};
      const bool hides_size = name.starts_with("unsized");
      out.attr = is_file ? attributes(head.nodeid, S_IFREG | 0644,
                                      hides_size ? 0 : contents_[name].size())
                         : attributes(1, S_IFDIR | 0755, 0);
      return reply(head.unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
      fuse_open_out out{};
      out.open_flags = head.opcode == FUSE_OPEN ? open_flags_ : 0;
      return reply(head.unique, 0, &out, sizeof out);
    }
    case FUSE_READ: {
      const auto in = request.as<fuse_read_in>();
      const std::string& content = contents_[name];
      const size_t begin = std::min<size_t>(in.offset, content.size());
      const size_t size = std::min<size_t>(in.size, content.size() - begin);
      return reply(head.unique, 0, content.data() + begin, size);
    }
    case FUSE_WRITE: {
      const auto in = request.as<fuse_write_in>();
      std::string& content = contents_[name];
      content.resize(std::max<size_t>(content.size(), in.offset + in.size));
      content.replace(in.offset, in.size, request.body + sizeof in, in.size);
      fuse_write_out out{};
      out.size = in.size;
      return reply(head.unique, 0, &out, sizeof out);
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_FSYNC:
      return reply(head.unique, 0, nullptr, 0);
    default:
      return reply(head.unique, ENOSYS, nullptr, 0);
  }
}

}  // namespace overlapped::testing

#endif
