#include "create_arguments.h"

#include "pipe_path.h"

namespace overlapped {

using namespace open_flag;

namespace {

constexpr int32_t kEitherSync = kDataSync | kFullSync;

void set_share(const OpenRequest& request, CreateArguments& arguments) {
  if (request.options & kDenyRead) arguments.share &= ~static_cast<DWORD>(FILE_SHARE_READ);
  if (request.options & kDenyWrite) arguments.share &= ~static_cast<DWORD>(FILE_SHARE_WRITE);
  if (request.options & kDenyDelete) arguments.share &= ~static_cast<DWORD>(FILE_SHARE_DELETE);
  if (request.flags & kExclusiveLock) arguments.share = 0;
}

bool set_access(const OpenRequest& request, bool unbuffered, CreateArguments& arguments) {
  // CreateFileW itself adds the rights to read attributes and to wait.
  if (request.options & kAttributesOnly) {
    arguments.access = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES;
    return true;
  }
  switch (request.flags & kAccessMask) {
    case 0:
      arguments.access = FILE_GENERIC_READ;
      // The right to change the read mode of a pipe (SetNamedPipeHandleState).
      if (request.options & kConcurrent) arguments.access |= FILE_WRITE_ATTRIBUTES;
      break;
    case kWriteOnly:
      arguments.access = FILE_GENERIC_WRITE;
      break;
    case kReadWrite:
      arguments.access = FILE_GENERIC_READ | FILE_GENERIC_WRITE;
      break;
    default:
      return false;
  }
  if (unbuffered) {
    // Direct writes of whole sectors need the sectors' other bytes, so an unbuffered file is opened
    // for reading too. Its end may lie within a sector, so the system cannot append to it; lib/
    // does. (CreateFileW also rejects FILE_APPEND_DATA with FILE_FLAG_NO_BUFFERING.)
    arguments.access |= FILE_GENERIC_READ;
    arguments.access &= ~static_cast<DWORD>(FILE_APPEND_DATA);
  } else if (request.flags & kAppend) {
    // FILE_APPEND_DATA without FILE_WRITE_DATA makes the system write at the end. It does not allow
    // reserving space, so with preallocation each write carries the position that appends.
    arguments.access |= FILE_APPEND_DATA;
    if (request.preallocate <= 0) arguments.access &= ~static_cast<DWORD>(FILE_WRITE_DATA);
  }
  return true;
}

void set_disposition(const OpenRequest& request, CreateArguments& arguments) {
  const bool create = (request.flags & kCreate) != 0;
  const bool truncate = (request.flags & kTruncate) != 0;
  if (create && (request.flags & kExclusive)) {
    arguments.disposition = CREATE_NEW;
  } else if (create) {
    arguments.disposition = truncate ? CREATE_ALWAYS : OPEN_ALWAYS;
  } else {
    arguments.disposition = truncate ? TRUNCATE_EXISTING : OPEN_EXISTING;
  }
  // kernelbase requires exactly this bit, and returns ERROR_INVALID_PARAMETER for the equivalent
  // specific rights.
  if (arguments.disposition == TRUNCATE_EXISTING) arguments.access |= GENERIC_WRITE;
  if (create && !(request.mode & kOwnerWrite)) arguments.attributes |= FILE_ATTRIBUTE_READONLY;
}

bool set_attributes(const OpenRequest& request, HandleMode mode, bool unbuffered,
                    CreateArguments& arguments) {
  const int32_t flags = request.flags;
  const uint32_t options = request.options;
  constexpr int32_t kEitherAccess = kSequential | kRandom;
  if ((flags & kEitherAccess) == kEitherAccess) return false;
  if ((flags & kEitherSync) == kEitherSync) return false;
  DWORD& attributes = arguments.attributes;
  if (flags & (kTemporary | kShortLived)) attributes |= FILE_ATTRIBUTE_TEMPORARY;
  if ((flags & kTemporary) || (options & kDeleteOnClose)) {
    attributes |= FILE_FLAG_DELETE_ON_CLOSE;
    arguments.access |= DELETE;
  }
  const bool sequential = (flags & kSequential) || (options & kAccessSequential);
  const bool random = (flags & kRandom) || (options & kAccessRandom);
  if (sequential) attributes |= FILE_FLAG_SEQUENTIAL_SCAN;
  if (random) attributes |= FILE_FLAG_RANDOM_ACCESS;
  if (unbuffered) attributes |= FILE_FLAG_NO_BUFFERING;
  if (is_overlapped(request, mode)) attributes |= FILE_FLAG_OVERLAPPED;
  if (options & kPosixSemantics) attributes |= FILE_FLAG_POSIX_SEMANTICS;
  if (options & kNoRecall) attributes |= FILE_FLAG_OPEN_NO_RECALL;
  attributes |= reopen_flags(request);
  attributes |= request.attributes;
  attributes |= impersonation_flags(request.path);
  // FILE_ATTRIBUTE_NORMAL is valid only alone (CreateFileW, dwFlagsAndAttributes).
  constexpr DWORD kOthers = kAllAttributes & ~static_cast<DWORD>(FILE_ATTRIBUTE_NORMAL);
  if (attributes & kOthers) attributes &= ~static_cast<DWORD>(FILE_ATTRIBUTE_NORMAL);
  // Required to open a directory.
  attributes |= FILE_FLAG_BACKUP_SEMANTICS;
  return true;
}

}  // namespace

bool is_exclusive(const OpenRequest& request) {
  return (request.options & kDenyAny) != 0 || (request.flags & kExclusiveLock) != 0;
}

bool is_overlapped(const OpenRequest& request, HandleMode mode) {
  if (is_exclusive(request) && !(request.options & kConcurrent)) return false;
  return mode == HandleMode::kOverlapped || (request.options & kConcurrent) != 0;
}

DWORD reopen_flags(const OpenRequest& request) {
  const bool writes_through =
      (request.flags & kEitherSync) != 0 || (request.options & kWriteThrough) != 0;
  DWORD flags = writes_through ? FILE_FLAG_WRITE_THROUGH : 0;
  if (request.options & kOpenReparsePoint) flags |= FILE_FLAG_OPEN_REPARSE_POINT;
  return flags;
}

uint32_t asked_access(const OpenRequest& request) {
  OpenRequest plain = request;
  plain.preallocate = 0;
  CreateArguments asked;
  return set_access(plain, false, asked) ? asked.access : 0;
}

bool create_arguments(const OpenRequest& request, HandleMode mode, bool unbuffered,
                      CreateArguments& arguments) {
  if (!set_access(request, unbuffered, arguments) ||
      !set_attributes(request, mode, unbuffered, arguments)) {
    return false;
  }
  set_disposition(request, arguments);
  set_share(request, arguments);
  return true;
}

}  // namespace overlapped
