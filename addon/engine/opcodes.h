#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "opcode_numbers.h"

namespace overlapped {

// The object of an operation.
enum class OpcodeFamily : uint8_t {
  kRequest,   // no operation of its own: asks for the end of others and has no completion
  kTransfer,  // moves bytes between an open file and the caller's memory
  kFile,      // an open file
  kFilePair,  // an open file and, in the submission's `offset`, the number of its source
  kPath,      // one or more paths
};

// Whether the operation is known to wait for another party before it runs. One with kNever that
// turns out to wait moves to `lane`.
enum class Waiting : uint8_t {
  kNever,
  kUnlessDisk,  // on pipes, terminals and the like
  kAlways,
};

// The lane of workers in which an operation waits for another party.
enum class WaitingLane : uint8_t {
  kReading,
  kWriting,
  kByAccess,  // kWriting if it opens for writing, else kReading
  kMeeting,   // waits for a lock or a client
  kEnding,    // closes and other operations that wait until written data has left
};

// Whether a worker may take the operation together with others.
enum class Shortness : uint8_t { kNever, kUpToShortTransfer, kAlways };

// The result of a completion in addition to its value.
enum class ResultKind : uint8_t {
  kValue,  // nothing
  kOpenFile,
  kContent,        // bytes that the operation has allocated
  kContentOrFile,  // kContent, or an open file where that is too large
  kEntries,        // kContent in the form of kListTree (system/tree.h)
  kStatus,
  kAttributes,
  kRefusedParts,
};

// Whether an operation uses up a descriptor of the process or releases one.
enum class DescriptorUse : uint8_t { kNone, kTakes, kGivesBack };

// Which positions are valid. -1 is the handle's cursor.
enum class PositionRange : uint8_t { kNotNegative, kOrCursor, kAny };

struct OpcodeTraits {
  Opcode opcode = Opcode::kNone;
  std::string_view name;  // its key in lib/engine/opcodes.ts
  OpcodeFamily family = OpcodeFamily::kFile;
  // The submission's object is one value, or an array: first the paths, then the memory. Beside an
  // open file the paths are names in it.
  uint8_t paths = 0;
  bool memory = false;   // one span of the caller's memory
  bool vectors = false;  // an array of such spans
  PositionRange position = PositionRange::kNotNegative;
  Waiting waiting = Waiting::kNever;
  WaitingLane lane = WaitingLane::kReading;
  Shortness shortness = Shortness::kNever;
  ResultKind result = ResultKind::kValue;
  DescriptorUse descriptor = DescriptorUse::kNone;
  bool takes_foreign = false;  // `file` may be a descriptor of other code (kForeignDescriptor)

  constexpr bool has_source() const { return family == OpcodeFamily::kFilePair; }
};

// The table of opcodes: everything about an opcode that is known without running it.
inline constexpr OpcodeTraits kOpcodes[] = {
    {.opcode = Opcode::kRead,
     .name = "read",
     .family = OpcodeFamily::kTransfer,
     .memory = true,
     .position = PositionRange::kOrCursor,
     .waiting = Waiting::kUnlessDisk,
     .shortness = Shortness::kUpToShortTransfer,
     .takes_foreign = true},
    {.opcode = Opcode::kWrite,
     .name = "write",
     .family = OpcodeFamily::kTransfer,
     .memory = true,
     .position = PositionRange::kOrCursor,
     .waiting = Waiting::kUnlessDisk,
     .lane = WaitingLane::kWriting,
     .shortness = Shortness::kUpToShortTransfer,
     .takes_foreign = true},
    {.opcode = Opcode::kReadVector,
     .name = "readVector",
     .family = OpcodeFamily::kTransfer,
     .vectors = true,
     .position = PositionRange::kOrCursor,
     .waiting = Waiting::kUnlessDisk,
     .takes_foreign = true},
    {.opcode = Opcode::kWriteVector,
     .name = "writeVector",
     .family = OpcodeFamily::kTransfer,
     .vectors = true,
     .position = PositionRange::kOrCursor,
     .waiting = Waiting::kUnlessDisk,
     .lane = WaitingLane::kWriting,
     .takes_foreign = true},
    {.opcode = Opcode::kOpen,
     .name = "open",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .lane = WaitingLane::kByAccess,
     .shortness = Shortness::kAlways,
     .result = ResultKind::kOpenFile,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kClose,
     .name = "close",
     .waiting = Waiting::kUnlessDisk,
     .lane = WaitingLane::kEnding,
     .shortness = Shortness::kAlways,
     .descriptor = DescriptorUse::kGivesBack},
    {.opcode = Opcode::kStat,
     .name = "stat",
     .shortness = Shortness::kAlways,
     .result = ResultKind::kStatus,
     .takes_foreign = true},
    {.opcode = Opcode::kStatPath,
     .name = "statPath",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .shortness = Shortness::kAlways,
     .result = ResultKind::kStatus},
    {.opcode = Opcode::kLstatPath,
     .name = "lstatPath",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .shortness = Shortness::kAlways,
     .result = ResultKind::kStatus},
    {.opcode = Opcode::kAccessPath,
     .name = "accessPath",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .shortness = Shortness::kAlways},
    {.opcode = Opcode::kTruncate, .name = "truncate"},
    {.opcode = Opcode::kSync,
     .name = "sync",
     .waiting = Waiting::kUnlessDisk,
     .lane = WaitingLane::kWriting},
    {.opcode = Opcode::kDataSync,
     .name = "dataSync",
     .waiting = Waiting::kUnlessDisk,
     .lane = WaitingLane::kWriting},
    {.opcode = Opcode::kReadPath,
     .name = "readPath",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .shortness = Shortness::kAlways,
     .result = ResultKind::kContentOrFile,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kWritePath,
     .name = "writePath",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .memory = true,
     .lane = WaitingLane::kWriting,
     .shortness = Shortness::kUpToShortTransfer,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kCancel, .name = "cancel", .family = OpcodeFamily::kRequest},
    {.opcode = Opcode::kListTree,
     .name = "listTree",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .result = ResultKind::kEntries,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kRemoveTree,
     .name = "removeTree",
     .family = OpcodeFamily::kPath,
     .paths = 1},
    {.opcode = Opcode::kSeek, .name = "seek", .position = PositionRange::kAny},
    {.opcode = Opcode::kGetAttributes, .name = "getAttributes", .result = ResultKind::kAttributes},
    {.opcode = Opcode::kGetAttributesPath,
     .name = "getAttributesPath",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .result = ResultKind::kAttributes},
    {.opcode = Opcode::kSetAttributes, .name = "setAttributes"},
    {.opcode = Opcode::kSetAttributesPath,
     .name = "setAttributesPath",
     .family = OpcodeFamily::kPath,
     .paths = 1},
    {.opcode = Opcode::kSetSparse, .name = "setSparse"},
    {.opcode = Opcode::kPunchHole, .name = "punchHole"},
    {.opcode = Opcode::kAllocatedRanges, .name = "allocatedRanges", .result = ResultKind::kContent},
    {.opcode = Opcode::kLock, .name = "lock", .lane = WaitingLane::kMeeting},
    {.opcode = Opcode::kUnlock, .name = "unlock"},
    {.opcode = Opcode::kListStreams, .name = "listStreams", .result = ResultKind::kContent},
    {.opcode = Opcode::kReadReparsePoint,
     .name = "readReparsePoint",
     .result = ResultKind::kContent},
    {.opcode = Opcode::kCancelFile, .name = "cancelFile", .family = OpcodeFamily::kRequest},
    {.opcode = Opcode::kSyncFileSystem, .name = "syncFileSystem"},
    {.opcode = Opcode::kCreatePipeInstance,
     .name = "createPipeInstance",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .result = ResultKind::kOpenFile,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kConnectPipe,
     .name = "connectPipe",
     .waiting = Waiting::kAlways,
     .lane = WaitingLane::kMeeting},
    {.opcode = Opcode::kDisconnectPipe, .name = "disconnectPipe"},
    {.opcode = Opcode::kConfigurePipe, .name = "configurePipe"},
    {.opcode = Opcode::kCreatePipePair,
     .name = "createPipePair",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .result = ResultKind::kOpenFile,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kCreateMailslot,
     .name = "createMailslot",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .result = ResultKind::kOpenFile,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kOpenMailslot,
     .name = "openMailslot",
     .family = OpcodeFamily::kPath,
     .paths = 1,
     .result = ResultKind::kOpenFile,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kSetMailslot, .name = "setMailslot"},
    {.opcode = Opcode::kMailslotStatus, .name = "mailslotStatus", .result = ResultKind::kContent},
    {.opcode = Opcode::kSerialSettings,
     .name = "serialSettings",
     .memory = true,
     .waiting = Waiting::kAlways,
     .lane = WaitingLane::kEnding,
     .result = ResultKind::kContent},
    {.opcode = Opcode::kDeviceSize, .name = "deviceSize"},
    {.opcode = Opcode::kCopySmallFile,
     .name = "copySmallFile",
     .family = OpcodeFamily::kFilePair,
     .paths = 3,
     .result = ResultKind::kRefusedParts,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kCloneFile, .name = "cloneFile", .family = OpcodeFamily::kFilePair},
    {.opcode = Opcode::kCopyRange, .name = "copyRange", .family = OpcodeFamily::kFilePair},
    {.opcode = Opcode::kCopyMetadata, .name = "copyMetadata", .family = OpcodeFamily::kFilePair},
    {.opcode = Opcode::kCopySmallFiles,
     .name = "copySmallFiles",
     .family = OpcodeFamily::kFilePair,
     .memory = true},
    {.opcode = Opcode::kRenamePairs, .name = "renamePairs", .memory = true},
    {.opcode = Opcode::kCompareXattrs,
     .name = "compareXattrs",
     .family = OpcodeFamily::kFilePair,
     .memory = true},
    {.opcode = Opcode::kOpenIn,
     .name = "openIn",
     .paths = 1,
     .lane = WaitingLane::kByAccess,
     .shortness = Shortness::kAlways,
     .result = ResultKind::kOpenFile,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kStatIn,
     .name = "statIn",
     .paths = 1,
     .shortness = Shortness::kAlways,
     .result = ResultKind::kStatus},
    {.opcode = Opcode::kListIn,
     .name = "listIn",
     .result = ResultKind::kContent,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kListStatusesIn,
     .name = "listStatusesIn",
     .result = ResultKind::kContent,
     .descriptor = DescriptorUse::kTakes},
    {.opcode = Opcode::kMakeDirectoryIn, .name = "makeDirectoryIn", .paths = 1},
    {.opcode = Opcode::kUnlinkIn,
     .name = "unlinkIn",
     .paths = 1,
     .position = PositionRange::kAny},
    {.opcode = Opcode::kRenameIn,
     .name = "renameIn",
     .family = OpcodeFamily::kFilePair,
     .paths = 2},
    {.opcode = Opcode::kLinkIn, .name = "linkIn", .family = OpcodeFamily::kFilePair, .paths = 2},
    {.opcode = Opcode::kSymlinkIn, .name = "symlinkIn", .paths = 2},
    {.opcode = Opcode::kReadLinkIn,
     .name = "readLinkIn",
     .paths = 1,
     .result = ResultKind::kContent},
    {.opcode = Opcode::kSetTimesIn, .name = "setTimesIn", .paths = 1, .memory = true},
    {.opcode = Opcode::kSetModeIn, .name = "setModeIn", .paths = 1},
    {.opcode = Opcode::kSetOwnerIn,
     .name = "setOwnerIn",
     .paths = 1,
     .position = PositionRange::kAny},
    {.opcode = Opcode::kMknodIn, .name = "mknodIn", .paths = 1, .position = PositionRange::kAny},
    {.opcode = Opcode::kSetMetadataIn,
     .name = "setMetadataIn",
     .family = OpcodeFamily::kFilePair,
     .paths = 1,
     .memory = true,
     .result = ResultKind::kRefusedParts},
    {.opcode = Opcode::kReadIn,
     .name = "readIn",
     .paths = 1,
     .shortness = Shortness::kAlways,
     .result = ResultKind::kContentOrFile,
     .descriptor = DescriptorUse::kTakes},
};

inline constexpr size_t kOpcodeNumbers = 128;

namespace detail {

consteval std::array<OpcodeTraits, kOpcodeNumbers> opcodes_by_number() {
  std::array<OpcodeTraits, kOpcodeNumbers> by_number{};
  for (const OpcodeTraits& traits : kOpcodes) {
    OpcodeTraits& entry = by_number.at(static_cast<size_t>(traits.opcode));
    if (entry.opcode != Opcode::kNone) throw "two opcodes have the same number";
    entry = traits;
  }
  return by_number;
}

inline constexpr std::array<OpcodeTraits, kOpcodeNumbers> kByNumber = opcodes_by_number();

}  // namespace detail

inline constexpr bool is_opcode(int32_t number) {
  return number > 0 && static_cast<size_t>(number) < kOpcodeNumbers &&
         detail::kByNumber[static_cast<size_t>(number)].opcode != Opcode::kNone;
}

inline constexpr const OpcodeTraits& traits_of(Opcode opcode) {
  return detail::kByNumber[static_cast<size_t>(opcode)];
}

}  // namespace overlapped
