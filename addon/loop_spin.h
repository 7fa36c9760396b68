#pragma once

#include "completion_queue.h"
#include "engine/idle_spin.h"
#include "event_loop.h"

namespace overlapped {

// Keeps the event loop turning instead of asleep while only one operation is in flight, if IdleSpin
// finds that such operations take less time than waking the loop. The loop serves timers and
// sockets meanwhile, and a worker that completes the operation need not wake it.
class LoopSpin {
 public:
  LoopSpin(EventLoop& loop, CompletionQueue& queue) : loop_(loop), queue_(queue) {}

  struct Taken {
    bool from_workers;
    bool others;
  };

  // Called after each submission, with the number of operations in flight, and whether the program
  // made it in a turn of the loop that was asked for.
  void note_submission(size_t in_flight, bool is_in_turn);
  // Called in each turn that was asked for, after completions have been taken: from workers, or
  // others. Returns whether workers have added more since.
  bool end_turn(Taken taken);

 private:
  using Clock = IdleSpin::Clock;
  enum class State { kIdle, kSleeping, kTurning };

  void begin(bool is_in_turn);
  bool stop();

  EventLoop& loop_;
  CompletionQueue& queue_;
  IdleSpin spin_;
  State state_ = State::kIdle;
  bool is_first_turn_ = false;
  Clock::time_point since_{};  // the submission, or the first turn after it
};

}  // namespace overlapped
