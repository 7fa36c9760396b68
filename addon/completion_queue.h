#pragma once

#include <chrono>

#include "engine/engine.h"
#include "event_loop.h"

namespace overlapped {

// Carries completions from an engine's threads to the JavaScript thread with one wake-up of the
// event loop per batch, regardless of how many threads add to it.
class CompletionQueue final : public CompletionSink {
 public:
  using Clock = std::chrono::steady_clock;

  explicit CompletionQueue(EventLoop& loop) : loop_(loop) {}

  void complete(OperationList completed) override {
    bool wakes;
    {
      std::lock_guard lock(mutex_);
      const bool is_first = completed_.empty();
      if (is_first) first_at_ = Clock::now();
      wakes = is_first && !is_attended_;
      completed_.append(std::move(completed));
    }
    // A later completion finds a wake-up under way, and take_all() will find it, too.
    if (wakes) loop_.wake();
  }

  OperationList take_all() {
    std::lock_guard lock(mutex_);
    if (!completed_.empty()) completed_at_ = first_at_;
    return std::move(completed_);
  }

  // Until leave(), workers do not wake the loop: it keeps turning and takes the completions in each
  // turn.
  void attend() {
    std::lock_guard lock(mutex_);
    is_attended_ = true;
  }
  // Returns whether completions are waiting, for which nobody woke the loop.
  bool leave() {
    std::lock_guard lock(mutex_);
    is_attended_ = false;
    return !completed_.empty();
  }

  // When the first completion of the last take_all() was added. For the loop's thread only.
  Clock::time_point completed_at() const { return completed_at_; }

 private:
  Mutex mutex_;
  OperationList completed_;
  bool is_attended_ = false;
  Clock::time_point first_at_{};
  Clock::time_point completed_at_{};
  EventLoop& loop_;
};

}  // namespace overlapped
