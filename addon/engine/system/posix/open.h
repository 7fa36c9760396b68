#pragma once

#include <sys/stat.h>

#include <memory>

#include "open_file.h"

namespace overlapped {

// Whether an open may wait for another party: the peer of a FIFO, the holder of a lease.
enum class OpenWait : uint8_t {
  kAllowed,
  // The open does not wait. The descriptor keeps O_NONBLOCK until end_nonblocking().
  kRefused,
};

struct PosixOpen {
  std::unique_ptr<OpenFile> file;
  struct stat status {};
  // Set by OpenWait::kRefused if the open must be repeated with kAllowed. `file` may be open anyway
  // and must stay open until then, because a peer that it has released would otherwise find nobody.
  bool would_wait = false;
};

Result open_posix(const OpenRequest& request, OpenWait wait, PosixOpen& opened);

// Clears the O_NONBLOCK that the caller of open() did not request.
Result end_nonblocking(const OpenFile& file, const OpenRequest& request);

DeviceType device_type_of(mode_t mode);

// The alignment that direct I/O on this open file needs; all zero if direct I/O is not possible.
Alignment direct_alignment(int fd, const struct stat& status);

}  // namespace overlapped
