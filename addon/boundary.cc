#include "boundary.h"

#include <napi.h>

#include <cstddef>
#include <initializer_list>

#include "engine/opcodes.h"
#include "engine/operation.h"
#include "engine/system/copy.h"
#include "engine/system/copy_small_file.h"
#include "engine/system/devices.h"
#include "engine/system/directory.h"
#include "engine/system/entry_metadata.h"
#include "engine/system/entry_statuses.h"
#include "engine/system/in_place.h"
#include "engine/system/name_pairs.h"
#include "engine/system/sparse.h"
#include "engine/system/tree.h"
#include "shared_rings.h"

namespace overlapped {

namespace {

struct NamedNumber {
  const char* name;
  size_t number;
};

Napi::Object object_of(napi_env env, std::initializer_list<NamedNumber> numbers) {
  const Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, number] : numbers) object.Set(name, static_cast<double>(number));
  return object;
}

Napi::Object describe_opcodes(napi_env env) {
  const Napi::Object opcodes = Napi::Object::New(env);
  for (const OpcodeTraits& traits : kOpcodes) {
    const Napi::Object opcode = Napi::Object::New(env);
    opcode.Set("number", static_cast<double>(traits.opcode));
    opcode.Set("family", static_cast<double>(traits.family));
    opcode.Set("usesDescriptor", traits.descriptor != DescriptorUse::kNone);
    opcodes.Set(traits.name.data(), opcode);  // a literal, so it ends with a zero
  }
  return opcodes;
}

Napi::Object describe_flags(napi_env env) {
  const Napi::Object flags = Napi::Object::New(env);
  flags.Set("OpenOption", object_of(env, {{"unbuffered", kUnbuffered},
                                          {"unbufferedPrefer", kUnbufferedPrefer},
                                          {"writeThrough", kWriteThrough},
                                          {"accessSequential", kAccessSequential},
                                          {"accessRandom", kAccessRandom},
                                          {"deleteOnClose", kDeleteOnClose},
                                          {"denyRead", kDenyRead},
                                          {"denyWrite", kDenyWrite},
                                          {"denyDelete", kDenyDelete},
                                          {"inheritable", kInheritable},
                                          {"attributesOnly", kAttributesOnly},
                                          {"backupIntent", kBackupIntent},
                                          {"posixSemantics", kPosixSemantics},
                                          {"openReparsePoint", kOpenReparsePoint},
                                          {"noRecall", kNoRecall},
                                          {"concurrent", kConcurrent},
                                          {"dontCache", kDontCache},
                                          {"dontCachePrefer", kDontCachePrefer},
                                          {"ioIdle", kIoIdle},
                                          {"ioLow", kIoLow},
                                          {"returnsUnfinished", kReturnsUnfinished},
                                          {"returnsOpen", kReturnsOpen}}));
  flags.Set("MetadataFlag", object_of(env, {{"owner", kMetadataOwner},
                                            {"mode", kMetadataMode},
                                            {"xattrs", kMetadataXattrs},
                                            {"times", kMetadataTimes},
                                            {"attributes", kMetadataAttributes}}));
  flags.Set("PipeFlag", object_of(env, {{"reads", kPipeReads},
                                        {"writes", kPipeWrites},
                                        {"messages", kPipeMessages},
                                        {"first", kPipeFirst},
                                        {"remote", kPipeRemote}}));
  flags.Set("LockFlag",
             object_of(env, {{"exclusive", kLockExclusive},
                             {"wait", kLockWait},
                             {"directory", kLockDirectory}}));
  flags.Set("SeekOrigin", object_of(env, {{"start", size_t(SeekOrigin::kStart)},
                                          {"current", size_t(SeekOrigin::kCurrent)},
                                          {"end", size_t(SeekOrigin::kEnd)}}));
  flags.Set("TreeFlag", object_of(env, {{"recursive", kTreeRecursive},
                                        {"followLinks", kTreeFollowLinks}}));
  flags.Set("UnlinkFlag", object_of(env, {{"directory", kUnlinkDirectory}}));
  flags.Set("RenameFlag", object_of(env, {{"exclusively", kRenameExclusively}}));
  flags.Set("CloneFlag", object_of(env, {{"mayReplace", kCloneMayReplace}}));
  flags.Set("LinkKind", object_of(env, {{"file", size_t(LinkKind::kFile)},
                                        {"dir", size_t(LinkKind::kDirectory)},
                                        {"junction", size_t(LinkKind::kJunction)}}));
  return flags;
}

Napi::Object describe_steps(napi_env env) {
  const Napi::Object steps = Napi::Object::New(env);
  steps.Set("path", object_of(env, {{"open", size_t(PathStep::kOpen)},
                                    {"transfer", size_t(PathStep::kTransfer)},
                                    {"close", size_t(PathStep::kClose)}}));
  steps.Set("tree", object_of(env, {{"scan", size_t(TreeStep::kScan)},
                                    {"stat", size_t(TreeStep::kStat)},
                                    {"unlink", size_t(TreeStep::kUnlink)},
                                    {"removeFolder", size_t(TreeStep::kRemoveFolder)}}));
  return steps;
}

Napi::Object describe_limits(napi_env env) {
  const Napi::Object limits =
      object_of(env, {{"submissionsMax", kSubmissionsMax},
                         {"completionsMax", kCompletionsMax},
                         {"detailNumbers", kDetailNumbers},
                         {"allocatedRangesMax", kAllocatedRangesMax},
                         {"metadataTriedShift", kMetadataTriedShift},
                         {"leaveUnnamedFlag", kLeaveUnnamed},
                         {"directoryIsLockedFlag", kDirectoryIsLocked},
                         {"ofExistingFileFlag", kOfExistingFile},
                         {"leavesCacheFlag", kLeavesCache},
                         {"pathOfLink", kOfLink},
                         {"foreignDescriptor", kForeignDescriptor},
                         {"readInPlaceMax", kReadInPlaceMax},
                         {"readAloneMax", kReadAloneMax}});
  limits.Set("securityDiffers", static_cast<double>(kSecurityDiffers));
  limits.Set("writtenAndClosed", static_cast<double>(kWrittenAndClosed));
  return limits;
}

// The records of entries in directories.
void describe_entries(napi_env env, Napi::Object& layout) {
  layout.Set("entryStatus",
             object_of(env, {{"device", offsetof(EntryStatus, device)},
                                {"inode", offsetof(EntryStatus, inode)},
                                {"size", offsetof(EntryStatus, size)},
                                {"accessSeconds", offsetof(EntryStatus, access_seconds)},
                                {"modificationSeconds",
                                 offsetof(EntryStatus, modification_seconds)},
                                {"accessNanoseconds", offsetof(EntryStatus, access_nanoseconds)},
                                {"modificationNanoseconds",
                                 offsetof(EntryStatus, modification_nanoseconds)},
                                {"mode", offsetof(EntryStatus, mode)},
                                {"links", offsetof(EntryStatus, links)},
                                {"user", offsetof(EntryStatus, user)},
                                {"group", offsetof(EntryStatus, group)},
                                {"nameBytes", offsetof(EntryStatus, name_bytes)},
                                {"targetBytes", offsetof(EntryStatus, target_bytes)},
                                {"bytes", sizeof(EntryStatus)}}));
  layout.Set("entryMetadata",
             object_of(env, {{"device", offsetof(EntryMetadata, known.device)},
                             {"inode", offsetof(EntryMetadata, known.inode)},
                             {"type", offsetof(EntryMetadata, known.type)},
                             {"times", offsetof(EntryMetadata, times)},
                             {"user", offsetof(EntryMetadata, user)},
                             {"group", offsetof(EntryMetadata, group)},
                             {"mode", offsetof(EntryMetadata, mode)},
                             {"bytes", sizeof(EntryMetadata)}}));
  layout.Set("namePairResult",
             object_of(env, {{"value", offsetof(NamePairResult, value)},
                             {"refusedParts", offsetof(NamePairResult, refused_parts)},
                             {"bytes", sizeof(NamePairResult)}}));
}

Napi::Object describe_layout(napi_env env) {
  Napi::Object layout = Napi::Object::New(env);
  layout.Set("submission", object_of(env, {{"opcode", offsetof(Submission, opcode)},
                                           {"slot", offsetof(Submission, slot)},
                                           {"file", offsetof(Submission, file)},
                                           {"flags", offsetof(Submission, flags)},
                                           {"position", offsetof(Submission, position)},
                                           {"offset", offsetof(Submission, offset)},
                                           {"length", offsetof(Submission, length)},
                                           {"size", sizeof(Submission)}}));
  layout.Set("completion", object_of(env, {{"value", offsetof(Completion, value)},
                                           {"slot", offsetof(Completion, slot)},
                                           {"error", offsetof(Completion, error)},
                                           {"osError", offsetof(Completion, os_error)},
                                           {"failedStep", offsetof(Completion, step)},
                                           {"size", sizeof(Completion)}}));
  layout.Set("details", object_of(env, {{"descriptor", kDetailDescriptor},
                                        {"deviceType", kDetailDeviceType},
                                        {"alignmentPosition", kDetailAlignmentPosition},
                                        {"alignmentLength", kDetailAlignmentLength},
                                        {"alignmentMemory", kDetailAlignmentMemory},
                                        {"peerDescriptor", kDetailPeerDescriptor},
                                        {"peerFile", kDetailPeerFile},
                                        {"sizeWhenOpened", kDetailSize},
                                        {"bytesWritten", kDetailBytesWritten},
                                        {"attributes", kDetailAttributes},
                                        {"allocatedSize", kDetailAllocatedSize},
                                        {"refusedParts", kDetailRefusedParts}}));
  layout.Set("status", object_of(env, {{"dev", kStatusDev},
                                       {"mode", kStatusMode},
                                       {"nlink", kStatusNlink},
                                       {"uid", kStatusUid},
                                       {"gid", kStatusGid},
                                       {"rdev", kStatusRdev},
                                       {"blksize", kStatusBlksize},
                                       {"ino", kStatusIno},
                                       {"size", kStatusSize},
                                       {"blocks", kStatusBlocks},
                                       {"atimeSeconds", kStatusSeconds},
                                       {"mtimeSeconds", kStatusSeconds + 1},
                                       {"ctimeSeconds", kStatusSeconds + 2},
                                       {"birthtimeSeconds", kStatusSeconds + 3},
                                       {"atimeNanoseconds", kStatusNanoseconds},
                                       {"mtimeNanoseconds", kStatusNanoseconds + 1},
                                       {"ctimeNanoseconds", kStatusNanoseconds + 2},
                                       {"birthtimeNanoseconds", kStatusNanoseconds + 3}}));
  describe_entries(env, layout);
  return layout;
}

// The kinds of open files, each at its number.
Napi::Array describe_device_types(napi_env env) {
  const Napi::Array names = Napi::Array::New(env);
  const auto set = [&](DeviceType type, const char* name) {
    names.Set(static_cast<uint32_t>(type), name);
  };
  set(DeviceType::kUnknown, "unknown");
  set(DeviceType::kDisk, "disk");
  set(DeviceType::kBlock, "block");
  set(DeviceType::kChar, "char");
  set(DeviceType::kPipe, "pipe");
  set(DeviceType::kDirectory, "directory");
  return names;
}

}  // namespace

napi_value describe_boundary(napi_env env) {
  const Napi::Object boundary = Napi::Object::New(env);
  boundary.Set("opcodes", describe_opcodes(env));
  boundary.Set("flags", describe_flags(env));
  boundary.Set("steps", describe_steps(env));
  boundary.Set("limits", describe_limits(env));
  boundary.Set("layout", describe_layout(env));
  boundary.Set("deviceTypes", describe_device_types(env));
  return boundary;
}

}  // namespace overlapped
