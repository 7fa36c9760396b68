#pragma once

#include "engine/engine.h"
#include "libuv.h"

namespace overlapped {

// Carries completions from an engine's threads to the JavaScript thread with one wake-up of the
// event loop per batch, regardless of how many threads add to it.
class CompletionQueue final : public CompletionSink {
 public:
  explicit CompletionQueue(uv::Handle* wake_handle) : wake_handle_(wake_handle) {}

  void complete(OperationList completed) override {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = completed_.empty();
      completed_.append(std::move(completed));
    }
    // A later completion finds a wake-up under way, and take_all() will find it, too.
    if (first) uv::async_send(wake_handle_);
  }

  OperationList take_all() {
    std::lock_guard lock(mutex_);
    return std::move(completed_);
  }

 private:
  Mutex mutex_;
  OperationList completed_;
  uv::Handle* const wake_handle_;
};

}  // namespace overlapped
