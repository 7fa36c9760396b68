#pragma once

#include <thread>

#include "operation.h"
#include "ring.h"
#include "workers/thread_pool.h"

namespace overlapped {

// The operations of a ring for which the kernel accepts no calls any longer. Workers repeat them,
// once the kernel has released the closed ring and so their memory.
class LostRing {
 public:
  // `gone` reports a hang-up when the kernel has released the ring.
  LostRing(Descriptor gone, OperationList orphans, ThreadPool& workers);
  ~LostRing();  // only after wait() returned true
  LostRing(const LostRing&) = delete;
  LostRing& operator=(const LostRing&) = delete;

  // Waits until the workers have the operations; false if `deadline` comes first.
  bool wait(Deadline deadline);

 private:
  void hand_over();

  Descriptor gone_;
  OperationList orphans_;
  ThreadPool& workers_;
  Mutex mutex_;
  ConditionVariable changed_;
  bool handed_over_ = false;
  std::thread thread_;
};

}  // namespace overlapped
