#include "system/copy_small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "small_file_copier.h"
#include "system/name_pairs.h"
#include "system/tree.h"
#include "system_call.h"
#include "uncached.h"

namespace overlapped {

namespace {

Result copy_small_files(Operation& op) {
  NamePairs pairs(op);
  SmallFileCopier copier(op);
  while (pairs.next()) {
    if (is_cancelled(op)) break;
    uint32_t refused = 0;
    const Result copied = copier.copy({pairs.first(), pairs.second(), nullptr}, refused);
    if (copied.ok()) pairs.set_result(copied.value, refused);
  }
  return Result::success(0);
}

// Takes a complete file out of the cache. A file that this process may not read stays there.
void forget(int directory, const char* name) {
#ifdef __linux__
  const Descriptor file(
      ::openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.valid()) drop_from_cache(file.get());
#else
  (void)directory;
  (void)name;
#endif
}

Result rename_pairs(Operation& op) {
  NamePairs pairs(op);
  const int directory = op.file->handle();
  const bool leaves_cache = (op.flags & kLeavesCache) != 0;
  while (pairs.next()) {
    if (is_cancelled(op)) break;
    if (leaves_cache) forget(directory, pairs.first());
    const Result renamed = repeat_interrupted(
        op, [&] { return ::renameat(directory, pairs.first(), directory, pairs.second()); });
    if (renamed.ok()) pairs.set_result(0, 0);
  }
  return Result::success(0);
}

}  // namespace

Result copy_small_file(Operation& op) {
  const bool stays = (op.flags & kLeaveUnnamed) != 0;
  const OperationDetail& detail = *op.detail;
  const char* const final_name = stays ? nullptr : detail.third_path.c_str();
  SmallFileCopier copier(op);
  return copier.copy({detail.open.path.c_str(), detail.second_path.c_str(), final_name},
                     op.detail->refused_parts);
}

Result run_on_pairs(Operation& op) {
  return op.opcode == Opcode::kRenamePairs ? rename_pairs(op) : copy_small_files(op);
}

}  // namespace overlapped
