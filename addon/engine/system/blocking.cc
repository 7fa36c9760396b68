#include "blocking.h"

#include <new>

#include "attributes.h"
#include "copy.h"
#include "devices.h"
#include "directory.h"
#include "locks.h"
#include "named_streams.h"
#include "seek.h"
#include "sparse.h"

namespace overlapped {

Result run_on_metadata(Operation& op) {
  switch (op.opcode) {
    case Opcode::kSeek:
      return seek(op);
    case Opcode::kGetAttributes:
    case Opcode::kGetAttributesPath:
      return get_attributes(op);
    case Opcode::kSetAttributes:
    case Opcode::kSetAttributesPath:
      return set_attributes(op);
    case Opcode::kSetSparse:
      return set_sparse(op);
    case Opcode::kPunchHole:
      return punch_hole(op);
    case Opcode::kAllocatedRanges:
      return allocated_ranges(op);
    case Opcode::kUnlock:
      return unlock_range(op);
    case Opcode::kListStreams:
      return list_streams(op);
    case Opcode::kReadReparsePoint:
      return read_reparse_point(op);
    case Opcode::kCloneFile:
      return clone_file(op);
    case Opcode::kCopyRange:
      return copy_range(op);
    case Opcode::kCopyMetadata:
      return copy_metadata(op);
    case Opcode::kCompareXattrs:
      return compare_xattrs(op);
    case Opcode::kStatIn:
    case Opcode::kListIn:
    case Opcode::kListStatusesIn:
    case Opcode::kMakeDirectoryIn:
    case Opcode::kMknodIn:
    case Opcode::kUnlinkIn:
    case Opcode::kRenameIn:
    case Opcode::kLinkIn:
    case Opcode::kSymlinkIn:
    case Opcode::kReadLinkIn:
    case Opcode::kSetTimesIn:
    case Opcode::kSetModeIn:
    case Opcode::kSetOwnerIn:
      return run_in_directory(op);
    default:
      return run_on_device(op);
  }
}

bool run_blocking(Operation& operation) {
  try {
    return run_blocking_call(operation);
  } catch (const std::bad_alloc&) {
    operation.result = Result::failure(kNoMemoryError);
    if (operation.detail) operation.detail->opened.reset();
    return true;
  }
}

}  // namespace overlapped
