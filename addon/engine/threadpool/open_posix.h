#pragma once

#include <sys/stat.h>

#include "../open_file.h"

namespace overlapped {

DeviceType device_type_of(mode_t mode);

// The alignment that direct I/O on this open file needs, all zero when it cannot be done.
Alignment direct_alignment(int fd, const struct stat& status);

}  // namespace overlapped
