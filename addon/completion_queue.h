#pragma once

#include "engine/engine.h"
#include "event_loop.h"

namespace overlapped {

// Carries completions from an engine's threads to the JavaScript thread with one wake-up of the
// event loop per batch, regardless of how many threads add to it.
class CompletionQueue final : public CompletionSink {
 public:
  explicit CompletionQueue(EventLoop& loop) : loop_(loop) {}

  void complete(OperationList completed) override {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = completed_.empty();
      completed_.append(std::move(completed));
    }
    // A later completion finds a wake-up under way, and take_all() will find it, too.
    if (first) loop_.wake();
  }

  OperationList take_all() {
    std::lock_guard lock(mutex_);
    return std::move(completed_);
  }

 private:
  Mutex mutex_;
  OperationList completed_;
  EventLoop& loop_;
};

}  // namespace overlapped
