#include "io_priority.h"

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "system/io_priority.h"

namespace overlapped {

#ifdef __linux__

namespace {

// ioprio_set(2); linux/ioprio.h is of Linux 5.15.
constexpr int kWhoThread = 1;
constexpr int kClassShift = 13;
constexpr uint16_t kBestEffort = 2;
constexpr uint16_t kIdle = 3;
constexpr uint16_t kLowestLevel = 7;

bool set_of_thread(int priority) {
  return ::syscall(SYS_ioprio_set, kWhoThread, 0, priority) == 0;
}

uint16_t priority_of(const Operation& op) {
  if (op.file && op.file->io_priority != 0) return op.file->io_priority;
  return op.source ? op.source->io_priority : 0;
}

}  // namespace

uint16_t io_priority_number(uint32_t options) {
  if (options & kIoIdle) return kIdle << kClassShift;
  if (options & kIoLow) return kBestEffort << kClassShift | kLowestLevel;
  return 0;
}

ThreadIoPriority::ThreadIoPriority(const Operation& operation) {
  const uint16_t wanted = priority_of(operation);
  if (wanted == 0) return;
  const auto before = static_cast<int>(::syscall(SYS_ioprio_get, kWhoThread, 0));
  if (before >= 0 && before != wanted && set_of_thread(wanted)) before_ = before;
}

ThreadIoPriority::~ThreadIoPriority() {
  if (before_ >= 0) (void)set_of_thread(before_);
}

Result set_io_priority_of_thread(uint32_t options) {
  const uint16_t wanted = io_priority_number(options);
  return set_of_thread(wanted) ? Result::success(0)
                               : Result::failure(static_cast<uint32_t>(errno));
}

#else

uint16_t io_priority_number(uint32_t) { return 0; }
ThreadIoPriority::ThreadIoPriority(const Operation&) {}
ThreadIoPriority::~ThreadIoPriority() = default;
Result set_io_priority_of_thread(uint32_t) { return Result::failure(ENOTSUP); }

#endif

}  // namespace overlapped
