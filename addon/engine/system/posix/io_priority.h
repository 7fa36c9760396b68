#pragma once

#include <cstdint>

#include "operation.h"

namespace overlapped {

// Gives the calling thread the priority of an operation's file while the operation runs
// (ioprio_set(2)). Linux only.
class ThreadIoPriority {
 public:
  explicit ThreadIoPriority(const Operation& operation);
  ~ThreadIoPriority();
  ThreadIoPriority(const ThreadIoPriority&) = delete;
  ThreadIoPriority& operator=(const ThreadIoPriority&) = delete;

 private:
  [[maybe_unused]] int before_ = -1;
};

// The number for the kernel: that of ioprio_set(2), and of the entries of a ring.
uint16_t io_priority_number(uint32_t options);

}  // namespace overlapped
