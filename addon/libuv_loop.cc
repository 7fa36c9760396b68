#include "libuv_loop.h"

#include <utility>

namespace overlapped {

uv::Handle* LibuvLoop::allocate(int type, std::unique_ptr<std::byte[]>& memory) const {
  memory = std::make_unique<std::byte[]>(uv::handle_size(type));
  return reinterpret_cast<uv::Handle*>(memory.get());
}

bool LibuvLoop::open() {
  uv::Handle* const handle = allocate(uv::kAsyncHandle, async_memory_);
  const int failed = uv::async_init(loop_, handle, [](uv::Handle* woken) {
    static_cast<LibuvLoop*>(uv::get_data(woken))->on_turn_();
  });
  if (failed) return false;
  async_ = handle;
  uv::set_data(async_, this);
  uv::unref(async_);
  return true;
}

bool LibuvLoop::keep_turning(bool wanted) {
  if (!idle_) {
    uv::Handle* const handle = allocate(uv::kIdleHandle, idle_memory_);
    if (uv::idle_init(loop_, handle) != 0) return false;
    idle_ = handle;
    uv::set_data(idle_, this);
    uv::unref(idle_);
  }
  if (!wanted) return uv::idle_stop(idle_) == 0;
  return uv::idle_start(idle_, [](uv::Handle* idle) {
           static_cast<LibuvLoop*>(uv::get_data(idle))->on_turn_();
         }) == 0;
}

bool LibuvLoop::watch(int descriptor, std::function<void()> clear) {
  uv::Handle* const handle = allocate(uv::kPollHandle, poll_memory_);
  if (uv::poll_init(loop_, handle, descriptor) != 0) return false;
  clear_ = std::move(clear);
  poll_ = handle;
  uv::set_data(poll_, this);
  uv::unref(poll_);
  return uv::poll_start(poll_, uv::kReadable, [](uv::Handle* readable, int, int) {
           auto* const self = static_cast<LibuvLoop*>(uv::get_data(readable));
           self->clear_();
           self->on_turn_();
         }) == 0;
}

// libuv releases a handle some time after its close, and only then is its memory free.
void LibuvLoop::close(std::function<void()> closed) {
  closed_ = std::move(closed);
  if (poll_) close_handle(poll_);
  if (idle_) close_handle(idle_);
  close_handle(async_);
}

void LibuvLoop::close_handle(uv::Handle* handle) {
  ++open_handles_;
  uv::close(handle, [](uv::Handle* closed) {
    auto* const self = static_cast<LibuvLoop*>(uv::get_data(closed));
    // Moved out, because it may destroy this loop.
    if (--self->open_handles_ == 0) std::exchange(self->closed_, nullptr)();
  });
}

}  // namespace overlapped
