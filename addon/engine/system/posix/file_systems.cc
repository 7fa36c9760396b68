#ifdef __linux__

#include "file_systems.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "system_call.h"

namespace overlapped {

namespace {

// Magic numbers of linux/magic.h, and some that it lacks.
constexpr uint64_t kProc = 0x9fa0;
constexpr uint64_t kOverlay = 0x794c7630;
constexpr uint64_t kLocal[] = {
    0xef53,      // ext2, ext3 and ext4
    0x58465342,  // XFS
    0x9123683e,  // btrfs
    0xf2f52010,  // F2FS
    0x01021994,  // tmpfs
    0x858458f6,  // ramfs
};

// Asking takes as long as the status of a descriptor. In this time no device number is given to
// another file system and the name of a file there looked up.
constexpr std::chrono::milliseconds kMountsCheckedFor{1};

FileSystem kind_of(uint64_t magic) {
  for (const uint64_t local : kLocal) {
    if (magic == local) return FileSystem::kLocal;
  }
  // Its layers may be any file system; they are only queried when a file is opened.
  return magic == kOverlay ? FileSystem::kLayered : FileSystem::kOther;
}

}  // namespace

FileSystems::~FileSystems() {
  if (mounts_ >= 0) ::close(mounts_);
  if (descriptors_ >= 0) ::close(descriptors_);
}

// Returns false if something has been mounted since the last call (proc(5), mountinfo). The kernel
// is asked once per kMountsCheckedFor.
bool FileSystems::watch_mounts() {
  if (!opened_) {
    opened_ = true;
    mounts_ = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    descriptors_ = ::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct statfs found {};
    const bool is_proc = descriptors_ >= 0 && ::fstatfs(descriptors_, &found) == 0 &&
                         static_cast<uint64_t>(found.f_type) == kProc;
    if (!is_proc && descriptors_ >= 0) {
      ::close(descriptors_);
      descriptors_ = -1;
    }
    const std::lock_guard lock(mutex_);
    watches_ = mounts_ >= 0;
  }
  if (mounts_ < 0) return false;
  const Clock::time_point now = Clock::now();
  if (now - mounts_checked_ < kMountsCheckedFor) return true;
  mounts_checked_ = now;
  pollfd mounts{mounts_, POLLPRI, 0};
  return ::poll(&mounts, 1, 0) == 0;
}

FileSystem FileSystems::look_up(uint64_t device) {
  for (const Entry& entry : entries_) {
    if (entry.device == device) return entry.file_system;
  }
  return FileSystem::kUnknown;
}

FileSystem FileSystems::find(uint64_t device) {
  const bool is_unchanged = watch_mounts();
  const std::lock_guard lock(mutex_);
  if (!is_unchanged) entries_.clear();
  return look_up(device);
}

int FileSystems::descriptors() {
  if (!opened_) (void)watch_mounts();
  return descriptors_;
}

bool FileSystems::knows(uint64_t device) {
  const std::lock_guard lock(mutex_);
  return look_up(device) != FileSystem::kUnknown;
}

FileSystem FileSystems::learn(int descriptor, uint64_t device) {
  {
    const std::lock_guard lock(mutex_);
    const FileSystem known = look_up(device);
    if (known != FileSystem::kUnknown) return known;
  }
  struct statfs found {};
  if (::fstatfs(descriptor, &found) != 0) return FileSystem::kOther;
  const FileSystem kind = kind_of(static_cast<uint64_t>(found.f_type));
  const std::lock_guard lock(mutex_);
  if (watches_ && look_up(device) == FileSystem::kUnknown) entries_.push_back({device, kind});
  return kind;
}

void note_file_system(OpenFile& file, FileSystems& file_systems) {
  if (file.file_system.load(std::memory_order_relaxed) != FileSystem::kUnknown) return;
  uint64_t device = file.device;
  if (device == 0) {
    struct stat status {};
    if (::fstat(file.handle(), &status) != 0) return;
    device = status.st_dev;
  }
  file.file_system.store(file_systems.learn(file.handle(), device), std::memory_order_relaxed);
}

void note_file_system(const PathString& path, FileSystems& file_systems) {
  const Descriptor descriptor(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (!descriptor.valid() || ::fstat(descriptor.get(), &status) != 0) return;
  (void)file_systems.learn(descriptor.get(), status.st_dev);
}

}  // namespace overlapped

#endif
