#include <unistd.h>

#include "system/seek.h"
#include "system_call.h"

namespace overlapped {

Result seek(Operation& op) {
  int origin = SEEK_SET;
  if (op.flags == static_cast<uint32_t>(SeekOrigin::kCurrent)) origin = SEEK_CUR;
  if (op.flags == static_cast<uint32_t>(SeekOrigin::kEnd)) origin = SEEK_END;
  const off_t position = ::lseek(op.file->handle(), static_cast<off_t>(op.file_offset), origin);
  return position >= 0 ? Result::success(position) : last_error();
}

Result move_cursor(OpenFile& file, int64_t position) {
  const off_t moved = ::lseek(file.handle(), static_cast<off_t>(position), SEEK_SET);
  return moved >= 0 ? Result::success(moved) : last_error();
}

}  // namespace overlapped
