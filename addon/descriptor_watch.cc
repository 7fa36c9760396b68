#include "descriptor_watch.h"

#include <array>
#include <system_error>
#include <utility>

#ifndef _WIN32
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#endif

namespace overlapped {

#ifdef _WIN32

bool DescriptorWatch::start(int, std::function<void()>) { return false; }
void DescriptorWatch::stop() {}
void DescriptorWatch::run(int, const std::function<void()>&) const {}

#else

bool DescriptorWatch::start(int descriptor, std::function<void()> on_readable) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return false;
  stop_read_ = ends[0];
  stop_write_ = ends[1];
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  // Signals are for the program's own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);  // a macro on macOS
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this, descriptor, on_readable = std::move(on_readable)] {
      run(descriptor, on_readable);
    });
  } catch (const std::system_error&) {
    // start() returns false.
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread_.joinable();
}

void DescriptorWatch::run(int descriptor, const std::function<void()>& on_readable) const {
  for (;;) {
    std::array<pollfd, 2> waited{{{descriptor, POLLIN, 0}, {stop_read_, POLLIN, 0}}};
    if (::poll(waited.data(), waited.size(), -1) < 0) continue;  // interrupted
    if (waited[1].revents != 0) return;
    if (waited[0].revents != 0) on_readable();
  }
}

void DescriptorWatch::stop() {
  if (thread_.joinable()) {
    // A close would not do: a child that has not yet begun its program may hold the other end.
    while (::write(stop_write_, "", 1) < 0 && errno == EINTR) continue;
    thread_.join();
  }
  if (stop_read_ >= 0) ::close(std::exchange(stop_read_, -1));
  if (stop_write_ >= 0) ::close(std::exchange(stop_write_, -1));
}

#endif

}  // namespace overlapped
