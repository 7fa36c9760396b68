#pragma once

#include <sys/stat.h>

#include "open_file.h"

namespace overlapped {

// What of a share mode POSIX can do, as advisory locks of the open file description (flock(2)).
// They are apart from those of byte ranges (locks.h), and bind only those who ask for a share mode
// too. EBUSY, as for a sharing violation, where another handle is in the way.
Result claim_share(int fd, const OpenRequest& request, const struct stat& status);

}  // namespace overlapped
