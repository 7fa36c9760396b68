#include "callback_loop.h"

#include <utility>

#include "values.h"

namespace overlapped {

bool CallbackLoop::open() {
  const napi_value name = Values(env_).string("overlapped");
  const napi_status made = napi_create_threadsafe_function(
      env_, nullptr, nullptr, name, 0, 1, this,
      [](napi_env, void* data, void*) {
        auto* const self = static_cast<CallbackLoop*>(data);
        // Moved out, because it may destroy this loop.
        if (self->closed_) std::exchange(self->closed_, nullptr)();
      },
      this,
      [](napi_env env, napi_value, void* context, void*) {
        // Null while the environment ends.
        if (env) static_cast<CallbackLoop*>(context)->run_turn();
      },
      &function_);
  if (made != napi_ok) return false;
  keep_alive(false);
  return true;
}

void CallbackLoop::wake() {
  if (woken_.exchange(true)) return;
  napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void CallbackLoop::run_turn() {
  woken_ = false;
  ++turns_;
  if (!closed_) on_turn_();
}

bool CallbackLoop::watch(int descriptor, std::function<void()> clear) {
  return watch_.start(descriptor, [this, clear = std::move(clear)] {
    clear();
    wake();
  });
}

void CallbackLoop::keep_alive(bool wanted) {
  (wanted ? napi_ref_threadsafe_function : napi_unref_threadsafe_function)(env_, function_);
}

// Nothing tells when the host's loop turns, so a call that it makes later marks the next turn.
uint64_t CallbackLoop::turn() {
  wake();
  return turns_;
}

void CallbackLoop::close(std::function<void()> closed) {
  watch_.stop();
  closed_ = std::move(closed);
  napi_release_threadsafe_function(function_, napi_tsfn_abort);
}

}  // namespace overlapped
