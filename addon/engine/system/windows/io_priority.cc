#include "io_priority.h"

#include "system/io_priority.h"

namespace overlapped {

Result hint_priority(HANDLE handle, uint32_t options) {
  FILE_IO_PRIORITY_HINT_INFO info{};
  info.PriorityHint = options & kIoIdle ? IoPriorityHintVeryLow : IoPriorityHintLow;
  if (SetFileInformationByHandle(handle, FileIoPriorityHintInfo, &info, sizeof info)) {
    return Result::success(0);
  }
  return Result::failure(GetLastError());
}

Result set_io_priority_of_thread(uint32_t) { return Result::failure(ERROR_NOT_SUPPORTED); }

}  // namespace overlapped
