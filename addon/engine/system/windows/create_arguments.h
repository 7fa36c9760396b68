#pragma once

#include "operation.h"

namespace overlapped {

namespace open_flag {

// Node's fs.constants on Windows (UV_FS_O_* in libuv's uv/win.h).
inline constexpr int32_t kWriteOnly = 0x1;
inline constexpr int32_t kReadWrite = 0x2;
inline constexpr int32_t kAccessMask = 0x3;
inline constexpr int32_t kAppend = 0x8;
inline constexpr int32_t kRandom = 0x10;
inline constexpr int32_t kSequential = 0x20;
inline constexpr int32_t kTemporary = 0x40;
inline constexpr int32_t kCreate = 0x100;
inline constexpr int32_t kTruncate = 0x200;
inline constexpr int32_t kExclusive = 0x400;
inline constexpr int32_t kShortLived = 0x1000;
inline constexpr int32_t kDirect = 0x02000000;
inline constexpr int32_t kDataSync = 0x04000000;
inline constexpr int32_t kFullSync = 0x08000000;
inline constexpr int32_t kExclusiveLock = 0x10000000;
inline constexpr uint32_t kOwnerWrite = 0200;

}  // namespace open_flag

// The attributes among the bits of dwFlagsAndAttributes.
inline constexpr DWORD kAllAttributes = 0x7fff;

// The arguments of CreateFileW.
struct CreateArguments {
  DWORD access = 0;
  DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  DWORD disposition = OPEN_EXISTING;
  DWORD attributes = FILE_ATTRIBUTE_NORMAL;  // and flags
};

// Returns false for flags that contradict each other.
bool create_arguments(const OpenRequest& request, HandleMode mode, bool unbuffered,
                      CreateArguments& arguments);

// Whether the file cannot be opened again meanwhile, not even by this process.
bool is_exclusive(const OpenRequest& request);

// An exclusive file has a single handle for everything, including descriptors, which are
// synchronous.
bool is_overlapped(const OpenRequest& request, HandleMode mode);

// The flags of CreateFileW that every other handle of the file needs too: for writes that are to
// reach the disk, and for a link that is not to be followed.
DWORD reopen_flags(const OpenRequest& request);

// The rights that the caller requested, without those that whole sectors and reserving space need.
uint32_t asked_access(const OpenRequest& request);

}  // namespace overlapped
