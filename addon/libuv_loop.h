#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "event_loop.h"
#include "libuv.h"

namespace overlapped {

// libuv's own loop, which polls descriptors without a thread.
class LibuvLoop final : public EventLoop {
 public:
  LibuvLoop(uv::Loop* loop, std::function<void()> on_turn)
      : loop_(loop), on_turn_(std::move(on_turn)) {}

  // Returns false if the loop takes no more handles.
  bool open();

  void wake() override { uv::async_send(async_); }
  bool watch(int descriptor, std::function<void()> clear) override;
  void keep_alive(bool wanted) override { (wanted ? uv::ref : uv::unref)(async_); }
  bool keep_turning(bool wanted) override;
  // The loop does not report its turns, but it updates its time in each.
  uint64_t turn() override { return uv::now(loop_); }
  void close(std::function<void()> closed) override;

 private:
  // Allocates the memory of a handle, whose size only libuv knows.
  uv::Handle* allocate(int type, std::unique_ptr<std::byte[]>& memory) const;
  void close_handle(uv::Handle* handle);

  uv::Loop* const loop_;
  const std::function<void()> on_turn_;
  std::function<void()> clear_;
  std::function<void()> closed_;
  std::unique_ptr<std::byte[]> async_memory_;
  std::unique_ptr<std::byte[]> poll_memory_;
  std::unique_ptr<std::byte[]> idle_memory_;
  uv::Handle* async_ = nullptr;
  uv::Handle* idle_ = nullptr;
  uv::Handle* poll_ = nullptr;
  int open_handles_ = 0;  // while they close
};

}  // namespace overlapped
