#include "boundary.h"

#include <cstddef>
#include <initializer_list>

#include "engine/opcodes.h"
#include "engine/operation.h"
#include "engine/system/copy.h"
#include "engine/system/copy_small_file.h"
#include "engine/system/devices.h"
#include "engine/system/directory.h"
#include "engine/system/entry_statuses.h"
#include "engine/system/sparse.h"
#include "engine/system/tree.h"
#include "shared_rings.h"
#include "values.h"

namespace overlapped {

namespace {

struct NamedNumber {
  const char* name;
  size_t number;
};

napi_value object_of(const Values& values, std::initializer_list<NamedNumber> numbers) {
  const napi_value object = values.object();
  for (const auto& [name, number] : numbers) {
    values.set(object, name, static_cast<double>(number));
  }
  return object;
}

napi_value describe_opcodes(const Values& values) {
  const napi_value opcodes = values.object();
  for (const OpcodeTraits& traits : kOpcodes) {
    const napi_value opcode = values.object();
    values.set(opcode, "number", static_cast<double>(traits.opcode));
    values.set(opcode, "family", static_cast<double>(traits.family));
    values.set(opcode, "usesDescriptor", values.boolean(traits.descriptor != DescriptorUse::kNone));
    values.set(opcodes, traits.name.data(), opcode);  // a literal, so it ends with a zero
  }
  return opcodes;
}

napi_value describe_flags(const Values& values) {
  const napi_value flags = values.object();
  values.set(flags, "OpenOption", object_of(values, {{"unbuffered", kUnbuffered},
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
                                                     {"concurrent", kConcurrent}}));
  values.set(flags, "MetadataFlag", object_of(values, {{"owner", kMetadataOwner},
                                                       {"mode", kMetadataMode},
                                                       {"xattrs", kMetadataXattrs},
                                                       {"times", kMetadataTimes},
                                                       {"attributes", kMetadataAttributes}}));
  values.set(flags, "PipeFlag", object_of(values, {{"reads", kPipeReads},
                                                   {"writes", kPipeWrites},
                                                   {"messages", kPipeMessages},
                                                   {"first", kPipeFirst},
                                                   {"remote", kPipeRemote}}));
  values.set(flags, "LockFlag",
             object_of(values, {{"exclusive", kLockExclusive}, {"wait", kLockWait}}));
  values.set(flags, "SeekOrigin", object_of(values, {{"start", size_t(SeekOrigin::kStart)},
                                                     {"current", size_t(SeekOrigin::kCurrent)},
                                                     {"end", size_t(SeekOrigin::kEnd)}}));
  values.set(flags, "TreeFlag", object_of(values, {{"recursive", kTreeRecursive},
                                                   {"followLinks", kTreeFollowLinks}}));
  values.set(flags, "UnlinkFlag", object_of(values, {{"directory", kUnlinkDirectory}}));
  values.set(flags, "RenameFlag", object_of(values, {{"exclusively", kRenameExclusively}}));
  values.set(flags, "CloneFlag", object_of(values, {{"mayReplace", kCloneMayReplace}}));
  values.set(flags, "LinkKind", object_of(values, {{"file", size_t(LinkKind::kFile)},
                                                   {"dir", size_t(LinkKind::kDirectory)},
                                                   {"junction", size_t(LinkKind::kJunction)}}));
  return flags;
}

napi_value describe_steps(const Values& values) {
  const napi_value steps = values.object();
  values.set(steps, "path", object_of(values, {{"open", size_t(PathStep::kOpen)},
                                               {"transfer", size_t(PathStep::kTransfer)},
                                               {"close", size_t(PathStep::kClose)}}));
  values.set(steps, "tree", object_of(values, {{"scan", size_t(TreeStep::kScan)},
                                               {"stat", size_t(TreeStep::kStat)},
                                               {"unlink", size_t(TreeStep::kUnlink)},
                                               {"removeFolder", size_t(TreeStep::kRemoveFolder)}}));
  return steps;
}

napi_value describe_limits(const Values& values) {
  return object_of(values, {{"submissionsMax", kSubmissionsMax},
                            {"completionsMax", kCompletionsMax},
                            {"detailNumbers", kDetailNumbers},
                            {"allocatedRangesMax", kAllocatedRangesMax},
                            {"metadataTriedShift", kMetadataTriedShift},
                            {"leaveUnnamedFlag", kLeaveUnnamed},
                            {"pathOfLink", kOfLink},
                            {"foreignDescriptor", kForeignDescriptor}});
}

napi_value describe_layout(const Values& values) {
  const napi_value layout = values.object();
  values.set(layout, "submission", object_of(values, {{"opcode", offsetof(Submission, opcode)},
                                                      {"slot", offsetof(Submission, slot)},
                                                      {"file", offsetof(Submission, file)},
                                                      {"flags", offsetof(Submission, flags)},
                                                      {"position", offsetof(Submission, position)},
                                                      {"offset", offsetof(Submission, offset)},
                                                      {"length", offsetof(Submission, length)},
                                                      {"size", sizeof(Submission)}}));
  values.set(layout, "completion", object_of(values, {{"value", offsetof(Completion, value)},
                                                      {"slot", offsetof(Completion, slot)},
                                                      {"error", offsetof(Completion, error)},
                                                      {"osError", offsetof(Completion, os_error)},
                                                      {"failedStep", offsetof(Completion, step)},
                                                      {"size", sizeof(Completion)}}));
  values.set(layout, "details", object_of(values, {{"descriptor", kDetailDescriptor},
                                                   {"deviceType", kDetailDeviceType},
                                                   {"alignmentPosition", kDetailAlignmentPosition},
                                                   {"alignmentLength", kDetailAlignmentLength},
                                                   {"alignmentMemory", kDetailAlignmentMemory},
                                                   {"peerDescriptor", kDetailPeerDescriptor},
                                                   {"peerFile", kDetailPeerFile},
                                                   {"sizeWhenOpened", kDetailSize},
                                                   {"attributes", kDetailAttributes},
                                                   {"allocatedSize", kDetailAllocatedSize},
                                                   {"refusedParts", kDetailRefusedParts}}));
  values.set(layout, "status",
             object_of(values, {{"dev", kStatusDev},
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
  values.set(layout, "entryStatus",
             object_of(values, {{"device", offsetof(EntryStatus, device)},
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
  return layout;
}

// The kinds of open files, each at its number.
napi_value describe_device_types(napi_env env) {
  const Values values(env);
  napi_value names = nullptr;
  if (napi_create_array(env, &names) != napi_ok) return nullptr;
  const auto set = [&](DeviceType type, const char* name) {
    napi_set_element(env, names, static_cast<uint32_t>(type), values.string(name));
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
  const Values values(env);
  const napi_value boundary = values.object();
  values.set(boundary, "opcodes", describe_opcodes(values));
  values.set(boundary, "flags", describe_flags(values));
  values.set(boundary, "steps", describe_steps(values));
  values.set(boundary, "limits", describe_limits(values));
  values.set(boundary, "layout", describe_layout(values));
  values.set(boundary, "deviceTypes", describe_device_types(env));
  return boundary;
}

}  // namespace overlapped
