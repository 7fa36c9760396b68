#pragma once

#include <sys/stat.h>

#include "open_file.h"

namespace overlapped {

// Implements the parts of a share mode that POSIX supports, with advisory locks of the open file
// description (flock(2)). They are independent of byte-range locks (locks.h) and bind only handles
// that request a share mode too. Fails with EBUSY if another handle is in the way, as a sharing
// violation does.
Result claim_share(int fd, const OpenRequest& request, const struct stat& status);

}  // namespace overlapped
