#include <signal.h>

#include <mutex>

#include "interrupt.h"

namespace overlapped {

namespace {

// SIGURG is ignored by default, and few programs handle it: one that does keeps its handler, whose
// run interrupts a system call as well, if it was installed without SA_RESTART.
constexpr int kInterruptSignal = SIGURG;

void ignore_signal(int) {}

void install_handler() {
  struct sigaction current {};
  if (sigaction(kInterruptSignal, nullptr, &current) != 0) return;
  if (current.sa_handler != SIG_DFL && current.sa_handler != SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = ignore_signal;
  sigemptyset(&action.sa_mask);
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
