#include <dlfcn.h>
#include <signal.h>

#include "interrupt.h"

namespace overlapped {

namespace {

void ignore_signal(int) {}

// Node unloads an addon with the last environment that uses it. The handler stays installed, so the
// library that it is in must stay too.
void keep_library() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&ignore_signal), &info) != 0 && info.dli_fname) {
    (void)::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

[[maybe_unused]] bool is_unused(int signal) {
  struct sigaction current {};
  return ::sigaction(signal, nullptr, &current) == 0 && !(current.sa_flags & SA_SIGINFO) &&
         current.sa_handler == SIG_DFL;
}

// Without SA_RESTART, so that a system call ends with EINTR.
void install_handler(int signal) {
  struct sigaction action {};
  action.sa_handler = ignore_signal;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

// Installs the handler, and returns whether the signal reaches a thread. qemu-user accepts handlers
// for the last signals, but pthread_kill() refuses to send them (EINVAL).
[[maybe_unused]] bool take_signal(int signal) {
  install_handler(signal);
  if (::pthread_kill(::pthread_self(), signal) == 0) return true;
  struct sigaction none {};
  none.sa_handler = SIG_DFL;
  ::sigaction(signal, &none, nullptr);
  return false;
}

// Signals without a name are used by no other part, and process.on() cannot take one: its handler
// would restart the system call that is to end (libuv installs with SA_RESTART). The last ones are
// the least likely to be in use. Without such signals it is SIGURG, ignored by default.
int choose_signal() {
#ifdef SIGRTMAX
  for (int signal = SIGRTMAX; signal > SIGRTMIN; --signal) {
    if (is_unused(signal) && take_signal(signal)) return signal;
  }
#endif
  install_handler(SIGURG);
  return SIGURG;
}

int interrupt_signal() {
  static const int chosen = [] {
    keep_library();
    return choose_signal();
  }();
  return chosen;
}

// Restores the handler if other code has replaced it.
void keep_handler(int signal) {
  struct sigaction current {};
  if (::sigaction(signal, nullptr, &current) != 0) return;
  if (current.sa_handler != ignore_signal) install_handler(signal);
}

}  // namespace

ThreadInterrupt::~ThreadInterrupt() = default;

void ThreadInterrupt::bind() {
  thread_ = pthread_self();
  // Signals of the process are for the program's own threads. A call of this thread raises SIGXFSZ
  // and SIGPIPE on this thread, so the program's handlers see these two only if they stay open.
  sigset_t blocked;
  sigfillset(&blocked);
  sigdelset(&blocked, interrupt_signal());
  sigdelset(&blocked, SIGXFSZ);
  sigdelset(&blocked, SIGPIPE);
  pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
}

void ThreadInterrupt::interrupt() {
  keep_handler(interrupt_signal());
  pthread_kill(thread_, interrupt_signal());
}

}  // namespace overlapped
