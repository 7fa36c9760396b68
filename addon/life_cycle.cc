#include <chrono>
#include <utility>

#include "environment.h"

// How an environment begins and ends.
namespace overlapped {

namespace {

// How long the end of an environment waits for operations that it has canceled. Those that are not
// over by then are stuck: on a server that does not answer, or in a driver that ignores cancels.
constexpr std::chrono::milliseconds kDrainTimeMax{500};

std::string unavailable(const std::string& wanted, const std::string& reason) {
  if (wanted.empty()) return "No engine is available: " + reason;
  return "Engine '" + wanted + "' is not available: " + reason;
}

}  // namespace

Environment* Environment::start(napi_env env, const StartOptions& options) {
  const Values values(env);
  std::unique_ptr<Environment> owned(new Environment(env));
  const bool is_prepared = owned->prepare(options);
  Environment* const environment = owned.release();
  if (!is_prepared) {
    const std::string reason = environment->reason_;
    environment->shut_down(nullptr);  // which frees it
    values.fail("ERR_ENGINE_UNAVAILABLE", unavailable(options.wanted, reason));
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
  values.fail("ERR_ENGINE_UNAVAILABLE",
              unavailable(options.wanted, "this JavaScript environment is about to end"));
  return nullptr;
}

bool Environment::prepare(const StartOptions& options) {
  ends_with_process_ = options.ends_with_process;
  loop_ = make_event_loop(env_, options.host_has_libuv, [this] { run_turn(); });
  if (!loop_) {
    reason_ = "the event loop of this program calls no native addons";
    return false;
  }
  queue_ = std::make_unique<CompletionQueue>(*loop_);
  spin_ = std::make_unique<LoopSpin>(*loop_, *queue_);
  EngineChoice choice = select_engine(options.wanted, *queue_);
  engine_ = std::move(choice.engine);
  reason_ = std::move(choice.reason);
  if (!engine_ || !watch()) return false;
  const bool is_shared =
      rings_.create(env_) && on_completions_.set(env_, options.on_completions) &&
      results_.set(env_, options.results) && (!options.host_has_libuv || enter_async_hooks());
  engine_->lend(rings_.content());
  if (!is_shared) reason_ = "Node-API has no memory for the rings that it shares with JavaScript";
  return is_shared;
}

// Node's async_hooks, which other hosts lack; Deno ends the process in napi_async_destroy().
bool Environment::enter_async_hooks() {
  const napi_value name = Values(env_).string("overlapped");
  // Jest's --detectOpenHandles asks the resource whether it keeps the process alive, by `hasRef()`.
  return napi_async_init(env_, results_.value(), name, &async_context_) == napi_ok;
}

bool Environment::watch() {
  const int descriptor = engine_->wait_descriptor();
  if (descriptor < 0) return true;
  const auto clear = [engine = engine_.get()] { engine->clear_wait_descriptor(); };
  if (loop_->watch(descriptor, clear)) return true;
  reason_ = "the event loop cannot wait for it";
  return false;
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
  // The descriptor of the engine must not be closed while the loop watches it.
  std::unique_ptr<Engine> engine = std::move(engine_);
  files_.reset();
  if (loop_) {
    loop_->close([this] { finish(); });
  } else {
    finish();
  }
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

void Environment::finish() {
  const std::unique_ptr<Environment> self(this);
  if (hook_) napi_remove_async_cleanup_hook(hook_);
}

}  // namespace overlapped
