#include <chrono>
#include <utility>

#include "environment.h"

// How an environment begins and ends.
namespace overlapped {

namespace {

// How long the end of an environment waits for operations that it has cancelled. Those that are not
// over by then are stuck: on a server that does not answer, or in a driver that ignores cancels.
constexpr std::chrono::milliseconds kDrainTimeMax{500};

}  // namespace

Environment* Environment::start(napi_env env, const StartOptions& options) {
  const Values values(env);
  uv_loop_s* loop = nullptr;
  if (!uv::load() || napi_get_uv_event_loop(env, &loop) != napi_ok) {
    values.fail("ERR_ENGINE_UNAVAILABLE",
                "This program does not export libuv, which overlapped needs");
    return nullptr;
  }
  std::unique_ptr<Environment> owned(new Environment(env, reinterpret_cast<uv::Loop*>(loop)));
  const bool is_prepared = owned->prepare(options);
  Environment* const environment = owned.release();
  if (!is_prepared) {
    const std::string reason = environment->reason_;
    environment->shut_down(nullptr);  // which frees it
    values.fail("ERR_ENGINE_UNAVAILABLE",
                "Engine '" + options.wanted + "' is not available: " + reason);
    return nullptr;
  }
  // From here on the hook owns it.
  const napi_status hooked = napi_add_async_cleanup_hook(
      env,
      [](napi_async_cleanup_hook_handle hook, void* argument) {
        static_cast<Environment*>(argument)->shut_down(hook);
      },
      environment, nullptr);
  if (hooked == napi_ok) return environment;
  environment->shut_down(nullptr);
  return nullptr;
}

bool Environment::prepare(const StartOptions& options) {
  ends_with_process_ = options.ends_with_process;
  if (!set_up_wake()) {
    reason_ = "the event loop takes no more handles";
    return false;
  }
  EngineChoice choice = select_engine(options.wanted, *queue_);
  engine_ = std::move(choice.engine);
  reason_ = std::move(choice.reason);
  if (!engine_ || !watch()) return false;
  const napi_value name = Values(env_).string("overlapped");
  // Jest's --detectOpenHandles asks the resource whether it keeps the process alive, by `hasRef()`.
  return rings_.create(env_) && on_completions_.set(env_, options.on_completions) &&
         results_.set(env_, options.results) &&
         napi_async_init(env_, options.results, name, &async_context_) == napi_ok;
}

bool Environment::set_up_wake() {
  async_memory_ = std::make_unique<std::byte[]>(uv::handle_size(uv::kAsyncHandle));
  uv::Handle* const handle = reinterpret_cast<uv::Handle*>(async_memory_.get());
  const int failed = uv::async_init(loop_, handle, [](uv::Handle* woken) {
    static_cast<Environment*>(uv::get_data(woken))->run_turn();
  });
  if (failed) return false;
  async_ = handle;
  uv::set_data(async_, this);
  uv::unref(async_);
  queue_ = std::make_unique<CompletionQueue>(async_);
  return true;
}

bool Environment::watch() {
  if (engine_->wait_descriptor() < 0) return true;
  poll_memory_ = std::make_unique<std::byte[]>(uv::handle_size(uv::kPollHandle));
  uv::Handle* const handle = reinterpret_cast<uv::Handle*>(poll_memory_.get());
  if (uv::poll_init(loop_, handle, engine_->wait_descriptor()) != 0) return false;
  poll_ = handle;
  uv::set_data(poll_, this);
  uv::unref(poll_);
  return uv::poll_start(poll_, uv::kReadable, [](uv::Handle* readable, int, int) {
           auto* const self = static_cast<Environment*>(uv::get_data(readable));
           self->engine_->clear_wait_descriptor();
           self->run_turn();
         }) == 0;
}

// Law 6: cancel, drain, then free. A null hook means that nobody waits for the end.
void Environment::shut_down(napi_async_cleanup_hook_handle hook) {
  closing_ = true;
  hook_ = hook;
  if (engine_) {
    for (Slot& slot : *slots_) cancel(slot);
    if (drain()) {
      (void)engine_->poll();
    } else {
      leave_stuck();
    }
  }
  if (async_context_) napi_async_destroy(env_, async_context_);
  // The event loop releases a handle some time after its close, and only then is its memory free. A
  // descriptor must not be closed while it is watched (uv_poll_init), so the engine is destroyed
  // later.
  if (poll_) close_handle(poll_);
  if (async_) close_handle(async_);
  engine_.reset();
  files_.reset();
  if (open_handles_ == 0) finish();
}

// Returns false if operations are stuck, and may be left behind.
bool Environment::drain() {
  if (engine_->drain(std::chrono::steady_clock::now() + kDrainTimeMax)) return true;
  // The buffers of a worker are freed with its heap and cannot be kept, so a transfer that is stuck
  // in one must be waited for.
  if (!ends_with_process_ && uses_memory_of_javascript()) return engine_->drain();
  return false;
}

bool Environment::uses_memory_of_javascript() {
  for (const Slot& slot : *slots_) {
    const OpcodeTraits& traits = slot.operation.traits();
    const OperationState state = slot.operation.state.load(std::memory_order_acquire);
    const bool is_running = state == OperationState::kQueued || state == OperationState::kRunning;
    if (slot.in_use && is_running && (traits.memory || traits.vectors)) return true;
  }
  return false;
}

// Keeps law 1 even for operations that never end: the kernel, or a thread, may still use their
// memory, so it is never freed.
void Environment::leave_stuck() {
  engine_->abandon();
  (void)engine_.release();
  (void)files_.release();
  (void)slots_.release();
}

void Environment::close_handle(uv::Handle* handle) {
  ++open_handles_;
  uv::close(handle, [](uv::Handle* closed) {
    auto* const self = static_cast<Environment*>(uv::get_data(closed));
    if (--self->open_handles_ == 0) self->finish();
  });
}

void Environment::finish() {
  const std::unique_ptr<Environment> self(this);
  if (hook_) napi_remove_async_cleanup_hook(hook_);
}

}  // namespace overlapped
