#pragma once

#include <functional>
#include <thread>

namespace overlapped {

// A thread that reports each time that a descriptor becomes readable. POSIX only: the engines of
// Windows use no descriptors.
class DescriptorWatch {
 public:
  DescriptorWatch() = default;
  ~DescriptorWatch() { stop(); }
  DescriptorWatch(const DescriptorWatch&) = delete;
  DescriptorWatch& operator=(const DescriptorWatch&) = delete;

  // Calls `on_readable` on the thread each time; it must make the descriptor unreadable. Returns
  // false if the system has no resources for a thread.
  bool start(int descriptor, std::function<void()> on_readable);
  // Returns when the thread has ended.
  void stop();

 private:
  void run(int descriptor, const std::function<void()>& on_readable) const;

  std::thread thread_;
#ifndef _WIN32
  int stop_read_ = -1;  // the two ends of a pipe, by which stop() tells the thread
  int stop_write_ = -1;
#endif
};

}  // namespace overlapped
