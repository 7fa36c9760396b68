#pragma once

// System calls of Linux by number: the C library of Alpine has had statx() only since 2024, and
// preadv2() not at all.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdint>

#ifndef STATX_BASIC_STATS
#include <linux/stat.h>
#endif
#ifndef RWF_NOWAIT
#include <linux/fs.h>
#endif

namespace overlapped {

// statx(2).
inline int get_statx(int folder, const char* path, int flags, unsigned int mask,
                     struct statx& status) {
  return static_cast<int>(::syscall(SYS_statx, folder, path, flags, mask, &status));
}

// preadv2(2) of one buffer with RWF_NOWAIT and more flags; at position -1 it reads at the cursor.
inline ssize_t read_without_waiting(int fd, const iovec& vector, int64_t position, int flags = 0) {
  return static_cast<ssize_t>(
      ::syscall(SYS_preadv2, fd, &vector, 1, position, 0, RWF_NOWAIT | flags));
}

}  // namespace overlapped
