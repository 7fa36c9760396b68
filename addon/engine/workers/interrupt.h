#pragma once

#ifdef _WIN32
#include "result.h"
#else
#include <pthread.h>
#endif

namespace overlapped {

// Interrupts the blocking system call of a worker thread, if it is in one. POSIX: a signal without
// SA_RESTART, so that the call ends with EINTR. Windows: CancelSynchronousIo, and an event for a
// thread that waits for an overlapped call. A call that has not begun yet is missed, so the caller
// repeats until the operation is over.
class ThreadInterrupt {
 public:
  ThreadInterrupt() = default;  // bind() it on the thread itself
  ~ThreadInterrupt();
  ThreadInterrupt(const ThreadInterrupt&) = delete;
  ThreadInterrupt& operator=(const ThreadInterrupt&) = delete;

  void bind();
  void interrupt();

#ifdef _WIN32
  // Signalled once by each interrupt(), also by one for an earlier call. Null on a thread that is
  // bound to none.
  static HANDLE event_of_this_thread();

  // An event for the overlapped calls of this thread, one after another. Null on a thread that is
  // bound to none, or without resources.
  static HANDLE call_event_of_this_thread();
  // Replaces that event after a canceled call: Wine signals it late, and a later call that used it
  // would seem to be over.
  static void renew_call_event();
#endif

 private:
#ifdef _WIN32
  HANDLE thread_ = nullptr;
  HANDLE event_ = nullptr;
  HANDLE call_event_ = nullptr;
#else
  pthread_t thread_{};
#endif
};

}  // namespace overlapped
