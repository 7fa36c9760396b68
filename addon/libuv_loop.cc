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
