#include "io_priority.h"

#include <windows.h>

#include "native_calls.h"
#include "system/io_priority.h"

namespace overlapped {

Result hint_priority(HANDLE handle, uint32_t options) {
  // The system refuses a structure that is not aligned to 8 bytes (FILE_IO_PRIORITY_HINT_INFO), and
  // the compiler aligns it to 4.
  alignas(8) FILE_IO_PRIORITY_HINT_INFO info{};
  info.PriorityHint = options & kIoIdle ? IoPriorityHintVeryLow : IoPriorityHintLow;
  IO_STATUS_BLOCK status{};
  return result_of_status(native_calls().set_information(handle, &status, &info, sizeof info,
                                                         kNativePriorityHintInformation));
}

Result set_io_priority_of_thread(uint32_t) { return Result::failure(ERROR_NOT_SUPPORTED); }

}  // namespace overlapped
