#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "operation.h"

namespace overlapped {

// Prepares an open file whose transfers leave nothing in the system's cache. Returns ENOTSUP where
// the cache is all that a file has (tmpfs), or where the system has no way.
Result set_up_uncached(OpenFile& file);

#ifdef __linux__

// Flags of preadv2(2) and pwritev2(2) for the transfers of a file: RWF_DONTCACHE or 0.
int flags_of_transfers(const OpenFile& file);

// Whether an error says that the file system does not know the flags. The file then gets the other
// way, by which the transfer is repeated.
bool lacks_flags(OpenFile& file, int error);

// Runs a transfer of a file that has a way around the cache.
Result run_uncached_transfer(Operation& operation);

// Like read(2), but pages that the read brings into the cache leave it. Fails with EOPNOTSUPP where
// the kernel or the file system has no way.
ssize_t read_uncached(int fd, void* memory, size_t length);

// Takes the pages of a file that are written back out of the cache.
void drop_from_cache(int fd);

#endif

}  // namespace overlapped
