#pragma once

#include <sys/stat.h>

#include <memory>

#include "open_file.h"

namespace overlapped {

// Whether an open may wait for somebody else: the peer of a FIFO, the holder of a lease.
enum class OpenWait : uint8_t {
  kAllowed,
  // Does not wait. The descriptor keeps O_NONBLOCK until end_nonblocking().
  kRefused,
};

struct PosixOpen {
  std::unique_ptr<OpenFile> file;
  struct stat status {};
  // Set by OpenWait::kRefused when the open has to be done again with kAllowed. `file` may be open
  // all the same, and must stay so until then: a peer that it has let go on would else find nobody.
  bool would_wait = false;
};

Result open_posix(const OpenRequest& request, OpenWait wait, PosixOpen& opened);

// Clears the O_NONBLOCK that the caller of open() has not asked for.
Result end_nonblocking(const OpenFile& file, const OpenRequest& request);

DeviceType device_type_of(mode_t mode);

// The alignment that direct I/O on this open file needs, all zero when it cannot be done.
Alignment direct_alignment(int fd, const struct stat& status);

}  // namespace overlapped
