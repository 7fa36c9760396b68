#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "result.h"

namespace overlapped {

#ifdef _WIN32
using NativeHandle = HANDLE;
using PathString = std::wstring;
// INVALID_HANDLE_VALUE is a cast and so no constant expression.
inline NativeHandle invalid_handle() { return INVALID_HANDLE_VALUE; }
#else
using NativeHandle = int;
using PathString = std::string;
inline NativeHandle invalid_handle() { return -1; }
#endif

// The numbers are part of the boundary with JavaScript (lib/engine/opcodes.ts).
enum class DeviceType : uint8_t {
  kUnknown = 0,
  kDisk = 1,
  kBlock = 2,
  kChar = 3,
  kPipe = 4,
  kDirectory = 5
};

// In bytes; all zero when the handle is buffered and has no requirements.
struct Alignment {
  uint32_t position = 0;
  uint32_t length = 0;
  uint32_t memory = 0;
};

// The numbers are part of the boundary with JavaScript.
enum OpenOption : uint32_t {
  kUnbuffered = 1U << 0,        // fail where the file system refuses direct I/O
  kUnbufferedPrefer = 1U << 1,  // fall back to buffered where it refuses
  kWriteThrough = 1U << 2,
  kAccessSequential = 1U << 3,
  kAccessRandom = 1U << 4,
  kDeleteOnClose = 1U << 5,
  // Access denied to other handles while this one is open.
  kDenyRead = 1U << 6,
  kDenyWrite = 1U << 7,
  kDenyDelete = 1U << 8,
  kInheritable = 1U << 9,        // by child processes
  kAttributesOnly = 1U << 10,    // no access to the data
  kBackupIntent = 1U << 11,      // Windows: bypasses permissions with a backup privilege
  kPosixSemantics = 1U << 12,    // distinguishes names that differ only in case
  kOpenReparsePoint = 1U << 13,  // the link itself
  kNoRecall = 1U << 14,          // Windows: does not recall data from remote storage
  kConcurrent = 1U << 15,        // Windows: operations never wait for each other on the handle
  kDontCache = 1U << 16,         // fail where transfers cannot leave the cache as it was
  kDontCachePrefer = 1U << 17,   // use the cache there
  kIoIdle = 1U << 18,            // transfers only when the disk has nothing else to do
  kIoLow = 1U << 19,             // transfers after those of others
  // kWritePath for a stream, on POSIX: returns the file open if it is not regular or does not take
  // all bytes, or in any case.
  kReturnsUnfinished = 1U << 20,
  kReturnsOpen = 1U << 21,
};
inline constexpr uint32_t kAnyDontCache = kDontCache | kDontCachePrefer;
inline constexpr uint32_t kAnyIoPriority = kIoIdle | kIoLow;
inline constexpr uint32_t kDenyAny = kDenyRead | kDenyWrite | kDenyDelete;

struct OpenRequest {
  PathString path;
  // The open directory in which `path` is a name that is not followed; else it is a path.
  NativeHandle directory = invalid_handle();
  int32_t flags = 0;  // Node's fs.constants.O_* of the platform
  uint32_t mode = 0;
  uint32_t options = 0;     // OpenOption bits
  int64_t preallocate = 0;  // bytes of disk space to reserve; 0 for none
  uint32_t attributes = 0;  // of a new file, FILE_ATTRIBUTE_* bits; 0 for the system's own choice

  bool is_name() const { return directory != invalid_handle(); }
};

// The guarantees of a file system.
enum class FileSystem : uint8_t {
  kUnknown,  // no worker has asked it yet
  kLocal,    // cached data is read, opened and closed without waiting
  kLayered,  // only its status is known without waiting (overlayfs)
  kOther,    // it may ask a server; sizes, cursors and ends of files are not to be trusted
};

// Linux: what transfers leave in the page cache.
enum class Caching : uint8_t {
  kKept,     // all pages that they bring into it
  kDropped,  // the pages that were there before (RWF_DONTCACHE)
  kAdvised,  // the same, by posix_fadvise(2) after each transfer
};

// Windows: calls on a synchronous handle return when they are done and wait for each other, so an
// open file for many transfers is overlapped. Every handle of POSIX is synchronous.
enum class HandleMode : uint8_t { kSynchronous, kOverlapped };

// Whether the OpenFile closes its handle; a borrowed descriptor stays open.
enum class Ownership : uint8_t { kOwned, kBorrowed };

// An OS handle with its properties. One owner (the environment's file table) holds it until its
// close has been delivered; operations point to it until then, and `in_flight` counts them. Only
// the submitting thread uses that count.
class OpenFile {
 public:
  OpenFile(NativeHandle handle, DeviceType device_type, Ownership ownership = Ownership::kOwned)
      : handle_(handle), device_type_(device_type), ownership_(ownership) {}
  ~OpenFile() {
    if (!given_away) close();
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  NativeHandle handle() const { return handle_; }
  DeviceType device_type() const { return device_type_; }
  // A disk operation ends by itself; one on a pipe or a terminal may wait indefinitely.
  bool is_disk() const {
    return device_type_ == DeviceType::kDisk || device_type_ == DeviceType::kBlock ||
           device_type_ == DeviceType::kDirectory;
  }

  // Closes the handle once; later calls succeed and do nothing.
  Result close();

  // Replaces a borrowed descriptor with a duplicate of it. Its owner may close the descriptor
  // before a worker uses it, and the number may then belong to another file. The number is kept if
  // the process has no descriptor left.
  void keep();

  // Lets close() close a borrowed descriptor.
  void take() { ownership_ = Ownership::kOwned; }

#ifdef _WIN32
  // The cursor that operations without a position use; overlapped files have none of their own. The
  // engine serves such operations one after another. Once somebody has a descriptor of the file,
  // both share the file pointer of that descriptor.
  int64_t cursor() const;
  void set_cursor(int64_t position);

  // Opens a synchronous handle for code that takes descriptors: with the rights and the share mode
  // that the caller of open() asked for, and with this file's cursor. Code that reads an overlapped
  // handle as if it were synchronous would not wait for the data.
  Result open_second(NativeHandle& handle);
#endif

  Alignment alignment;
  bool unbuffered = false;
  bool append = false;
  uint32_t in_flight = 0;

  // POSIX only

  // Bytes of a regular file when it was opened; -1 if unknown.
  int64_t size_when_opened = -1;
  // Open with O_NONBLOCK, so a transfer that would wait fails with EAGAIN instead.
  bool nonblocking = false;
  // Open for reading alone, so that no close has anything to write.
  bool reads_only = false;
  // A terminal whose reads time out; only read(2) honors that.
  std::atomic<bool> times_out{false};
  // The program may close the descriptor itself, and its number may belong to another file by now.
  // Only a requested close closes it.
  bool given_away = false;
  // Linux only
  std::atomic<Caching> caching{Caching::kKept};
  uint16_t io_priority = 0;  // as ioprio_set(2) takes it; 0 for that of the thread
  // The device number, 0 if unknown, and the kind of its file system.
  uint64_t device = 0;
  std::atomic<FileSystem> file_system{FileSystem::kUnknown};

  // Windows only

  // Transfers go through the completion port that the handle is attached to.
  bool overlapped = false;
  // Calls on the handle are overlapped. Unless a port takes their packets, a worker waits for the
  // event of each.
  bool waits_by_event = false;
  // The size of a volume or drive in bytes; 0 if unknown.
  int64_t device_size = 0;
#ifdef _WIN32
  // The rights that the caller asked for; 0 for whatever was granted.
  uint32_t access = 0;
  // Flags of CreateFileW that every other handle of the file needs too.
  uint32_t reopen_flags = 0;
  // A call that ends before it returns posts no packet to the port.
  bool skips_packets = false;
  // Opened with a restricted share mode: the file cannot be opened a second time.
  bool is_exclusive = false;
#endif

 private:
#ifdef _WIN32
  std::atomic<int64_t> cursor_{0};
  // A handle that shares the file pointer of the one from open_second().
  std::atomic<NativeHandle> pointer_{invalid_handle()};
#endif
  NativeHandle handle_;
  DeviceType device_type_;
  Ownership ownership_;
};

}  // namespace overlapped
