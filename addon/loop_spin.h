#pragma once

#include "completion_queue.h"
#include "engine/idle_spin.h"
#include "event_loop.h"

namespace overlapped {

// Keeps the event loop turning instead of asleep while the only operation in flight is about to
// end, if IdleSpin finds that this takes less time than waking the loop. The loop serves timers and
// sockets meanwhile, and a worker that completes the operation need not wake it.
class LoopSpin {
 public:
  LoopSpin(EventLoop& loop, CompletionQueue& queue) : loop_(loop), queue_(queue) {}

  // Called after each submission, with the number of operations that are in flight.
  void note_submission(size_t in_flight);
  // Called in each turn that was asked for, after completions have been taken. Returns whether
  // workers may have added more since.
  bool end_turn(bool from_workers, bool from_engine);

 private:
  using Clock = IdleSpin::Clock;
  enum class State { kIdle, kSleeping, kTurning };

  void begin();
  bool stop();

  EventLoop& loop_;
  CompletionQueue& queue_;
  IdleSpin spin_;
  State state_ = State::kIdle;
  bool is_first_turn_ = false;
  Clock::time_point since_{};  // the submission, or the first turn after it
};

}  // namespace overlapped
