#include "interrupt.h"

#include <utility>

namespace overlapped {

namespace {

// Without destructors: those of a thread may run when its library has been unloaded.
thread_local HANDLE event_of_thread = nullptr;
thread_local HANDLE* call_event_of_thread = nullptr;

}  // namespace

ThreadInterrupt::~ThreadInterrupt() {
  if (call_event_) CloseHandle(call_event_);
  if (event_) CloseHandle(event_);
  if (thread_) CloseHandle(thread_);
}

// GetCurrentThread() returns a pseudo handle that means the thread that uses it, so a real one is
// needed. Without it interrupt() does nothing, and a cancel waits for the call to end.
// A worker that has retired comes back on another thread, and keeps its events.
void ThreadInterrupt::bind() {
  const HANDLE process = GetCurrentProcess();
  HANDLE thread = nullptr;
  if (DuplicateHandle(process, GetCurrentThread(), process, &thread, THREAD_TERMINATE, FALSE, 0)) {
    std::swap(thread_, thread);
    if (thread) CloseHandle(thread);
  }
  if (!event_) event_ = CreateEventW(nullptr, FALSE, FALSE, nullptr);
  if (!call_event_) call_event_ = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  event_of_thread = event_;
  call_event_of_thread = &call_event_;
}

// CancelSynchronousIo requires the right THREAD_TERMINATE. ERROR_NOT_FOUND means that no call was
// running, which is no failure: the caller repeats until the operation is over.
void ThreadInterrupt::interrupt() {
  if (thread_) CancelSynchronousIo(thread_);
  if (event_) SetEvent(event_);
}

HANDLE ThreadInterrupt::event_of_this_thread() { return event_of_thread; }

HANDLE ThreadInterrupt::call_event_of_this_thread() {
  return call_event_of_thread ? *call_event_of_thread : nullptr;
}

void ThreadInterrupt::renew_call_event() {
  if (!call_event_of_thread) return;
  if (*call_event_of_thread) CloseHandle(*call_event_of_thread);
  *call_event_of_thread = CreateEventW(nullptr, TRUE, FALSE, nullptr);
}

}  // namespace overlapped
