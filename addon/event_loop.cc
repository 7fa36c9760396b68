#include "event_loop.h"

#include <utility>

#include "callback_loop.h"
#include "libuv.h"
#include "libuv_loop.h"

namespace overlapped {

namespace {

template <typename Loop, typename Of>
std::unique_ptr<EventLoop> opened(Of of, std::function<void()> on_turn) {
  auto loop = std::make_unique<Loop>(of, std::move(on_turn));
  if (!loop->open()) return nullptr;
  return loop;
}

}  // namespace

std::unique_ptr<EventLoop> make_event_loop(napi_env env, bool host_has_libuv,
                                           std::function<void()> on_turn) {
  uv_loop_s* loop = nullptr;
  if (host_has_libuv && uv::has_loop() && napi_get_uv_event_loop(env, &loop) == napi_ok) {
    return opened<LibuvLoop>(reinterpret_cast<uv::Loop*>(loop), std::move(on_turn));
  }
  return opened<CallbackLoop>(env, std::move(on_turn));
}

}  // namespace overlapped
