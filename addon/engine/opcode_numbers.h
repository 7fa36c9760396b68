#pragma once

#include <cstdint>

namespace overlapped {

// The operation that a submission requests. The numbers are part of the boundary with JavaScript; a
// test compares them with lib/engine/opcodes.ts.
enum class Opcode : uint8_t {
  kNone = 0,
  kRead = 1,
  kWrite = 2,
  kReadVector = 3,
  kWriteVector = 4,
  kOpen = 5,
  kClose = 6,
  kStat = 7,       // of a handle
  kStatPath = 8,   // follows links
  kLstatPath = 9,  // of the link itself
  kTruncate = 10,
  kSync = 11,
  kDataSync = 12,
  kReadPath = 13,   // open, stat, read and close as one
  kWritePath = 14,  // open, write and close as one
  kCancel = 15,     // requests the end of another operation
  kListTree = 16,   // readdir, also recursive
  kRemoveTree = 17,
  kSeek = 18,           // moves the handle's cursor; `flags` is a SeekOrigin
  kGetAttributes = 19,  // of a handle
  kGetAttributesPath = 20,
  kSetAttributes = 21,  // of a handle; sets the bits in `flags`, clears those in `length`
  kSetAttributesPath = 22,
  kSetSparse = 23,  // `flags`: whether the file becomes sparse
  kPunchHole = 24,
  kAllocatedRanges = 25,
  kLock = 26,  // `flags` are LockFlag bits; a length of 0 reaches to the end of all files
  kUnlock = 27,
  kListStreams = 28,
  kReadReparsePoint = 29,
  kCancelFile = 30,  // requests the end of all operations on a file
  kAccessPath = 31,  // `mode` is that of access(2)
  kSyncFileSystem = 32,  // writes out the whole file system of a file (Linux)
  // Devices: system/devices.h describes each operation.
  kCreatePipeInstance = 50,
  kConnectPipe = 51,  // waits until a client has connected to a pipe instance (Windows)
  kDisconnectPipe = 52,
  kConfigurePipe = 53,
  kCreatePipePair = 54,
  kCreateMailslot = 55,
  kOpenMailslot = 56,
  kSetMailslot = 57,
  kMailslotStatus = 58,
  kSerialSettings = 59,
  kDeviceSize = 60,
  // From directory to directory; see system/copy_small_file.h.
  kCopySmallFile = 70,
  // From `source` to `file`; see system/copy.h.
  kCloneFile = 71,
  kCopyRange = 72,
  kCopyMetadata = 73,
  // Many pairs of names at once (POSIX); see system/copy_small_file.h.
  kCopySmallFiles = 74,
  kRenamePairs = 75,
  kCompareXattrs = 76,  // see system/copy.h
  // Names in the open directory `file`, none of them followed; see system/directory.h.
  kOpenIn = 80,
  kStatIn = 81,
  kListIn = 82,
  kListStatusesIn = 83,  // kListIn with the status of each entry
  kMakeDirectoryIn = 84,
  kUnlinkIn = 85,  // `file_offset` and `length`: inode and device that it must have; 0 for any
  kRenameIn = 86,
  kLinkIn = 87,
  kSymlinkIn = 88,
  kReadLinkIn = 89,
  kSetTimesIn = 90,
  kSetModeIn = 91,
  kSetOwnerIn = 92,  // the user is in `file_offset`, the group in `length`
  kReadIn = 93,      // kReadPath of a name
  kMknodIn = 94,     // a FIFO or device; its number is in `file_offset`
  kSetMetadataIn = 95,  // owner, mode and times (POSIX); see system/entry_metadata.h
};

}  // namespace overlapped
