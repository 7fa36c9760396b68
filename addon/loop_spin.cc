#include "loop_spin.h"

namespace overlapped {

void LoopSpin::note_submission(size_t in_flight, bool is_in_turn) {
  if (in_flight == 1) {
    if (state_ != State::kTurning) begin(is_in_turn);
  } else if (in_flight == 0 && state_ == State::kTurning) {
    // The submission has taken the completion that the loop turned for.
    if (stop()) loop_.wake();
  } else if (state_ == State::kSleeping) {
    // The next completion may be that of another operation.
    state_ = State::kIdle;
  }
}

void LoopSpin::begin(bool is_in_turn) {
  since_ = Clock::now();
  state_ = State::kSleeping;
  if (spin_.limit() == IdleSpin::Duration::zero() || !loop_.keep_turning(true)) return;
  state_ = State::kTurning;
  is_first_turn_ = true;
  queue_.attend();
  // Electron waits for the descriptor of libuv's loop in another thread, for as long as the loop
  // said at the end of its last turn.
  if (!is_in_turn) loop_.wake();
}

bool LoopSpin::stop() {
  state_ = State::kIdle;
  (void)loop_.keep_turning(false);
  return queue_.leave();
}

bool LoopSpin::end_turn(Taken taken) {
  if (state_ == State::kTurning) {
    const Clock::time_point now = Clock::now();
    // The program may have run for long before the loop turned.
    if (is_first_turn_) since_ = now;
    is_first_turn_ = false;
    if (taken.from_workers || taken.others) {
      spin_.note_work(now - since_);
      return stop();
    }
    if (now - since_ < spin_.limit()) return false;
    spin_.note_failure();
    return stop();
  }
  if (state_ == State::kSleeping && (taken.from_workers || taken.others)) {
    state_ = State::kIdle;
    if (!taken.from_workers) return false;
    spin_.note_wake(Clock::now() - queue_.completed_at());
    spin_.note_work(queue_.completed_at() - since_);
  }
  return false;
}

}  // namespace overlapped
