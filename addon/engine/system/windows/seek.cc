#include "windows_io.h"
#include "system/seek.h"

namespace overlapped {

Result seek(Operation& op) {
  OpenFile& file = *op.file;
  int64_t begin = 0;
  if (op.flags == static_cast<uint32_t>(SeekOrigin::kCurrent)) begin = file.cursor();
  if (op.flags == static_cast<uint32_t>(SeekOrigin::kEnd)) {
    LARGE_INTEGER size{};
    if (!GetFileSizeEx(file.handle(), &size)) return last_error();
    begin = size.QuadPart;
  }
  const auto position =
      static_cast<int64_t>(static_cast<uint64_t>(begin) + static_cast<uint64_t>(op.file_offset));
  if (position < 0) return Result::failure(ERROR_INVALID_PARAMETER);
  file.set_cursor(position);
  return Result::success(position);
}

Result move_cursor(OpenFile& file, int64_t position) {
  file.set_cursor(position);
  return Result::success(position);
}

}  // namespace overlapped
