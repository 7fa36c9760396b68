#include <dlfcn.h>
#include <signal.h>

#include <mutex>

#include "interrupt.h"

namespace overlapped {

namespace {

// SIGURG is ignored by default, and few programs handle it: one that does keeps its handler, whose
// run interrupts a system call as well, if it was installed without SA_RESTART.
constexpr int kInterruptSignal = SIGURG;

void ignore_signal(int) {}

// Node unloads an addon with the last environment that uses it. The handler stays installed, so the
// library that it is in must stay too.
void keep_library() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&ignore_signal), &info) != 0 && info.dli_fname) {
    (void)::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

void install_handler() {
  struct sigaction current {};
  if (sigaction(kInterruptSignal, nullptr, &current) != 0) return;
  if (current.sa_handler != SIG_DFL && current.sa_handler != SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = ignore_signal;
  sigemptyset(&action.sa_mask);
  keep_library();
  sigaction(kInterruptSignal, &action, nullptr);
}

}  // namespace

ThreadInterrupt::~ThreadInterrupt() = default;

void ThreadInterrupt::bind() {
  static std::once_flag installed;
  std::call_once(installed, install_handler);
  thread_ = pthread_self();
  // All signals but this one are for the program's own threads.
  sigset_t blocked;
  sigfillset(&blocked);
  sigdelset(&blocked, kInterruptSignal);
  pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
}

void ThreadInterrupt::interrupt() { pthread_kill(thread_, kInterruptSignal); }

}  // namespace overlapped
